//! Numbers within bounds, and values that are listed.

use super::{check, refused};

#[test]
fn numbers_keep_to_their_bounds() {
    check(
        r#"{"type":"number","exclusiveMinimum":1,"maximum":1.25}"#,
        &["1.2", "1.25", "1.0001", "1.250", "1.2e0", "1.1e+00"],
        &[
            "1", "1.0", "1e0", "1.26", "0.5", "10", "1.2501", "12e-1", "-1.2",
        ],
    );
    check(
        r#"{"type":"number","exclusiveMinimum":-1.25,"exclusiveMaximum":-1}"#,
        &["-1.1", "-1.2499", "-1.01"],
        &["-1", "-1.0", "-1.25", "-1.3", "1.1", "0", "-0"],
    );
    check(
        r#"{"type":"integer","minimum":9007199254740992,"maximum":9007199254741003}"#,
        &["9007199254741003", "9007199254740992"],
        &["9007199254741004", "9007199254740991", "90071992547410030"],
    );
    check(
        r#"{"type":"integer","exclusiveMinimum":9007199254740992,"exclusiveMaximum":9007199254741002}"#,
        &["9007199254741001", "9007199254740993"],
        &["9007199254740992", "9007199254741002"],
    );
    check(
        r#"{"type":"integer","minimum":0,"maximum":18446744073709551615}"#,
        &["18446744073709551615", "0"],
        &["18446744073709551616", "-1"],
    );
    check(
        r#"{"type":"integer","minimum":-9223372036854775808}"#,
        &[
            "5",
            "-9223372036854775808",
            "123456789012345678901234567890",
        ],
        &["-9223372036854775809"],
    );
    check(
        r#"{"type":"number","minimum":-3.4e38,"maximum":3.4e38}"#,
        &["5", "3.4e38", "-3.4e38", "1e-9", "0.0"],
        &["3.41e38", "1e39", "-3.5e38"],
    );
    check(
        r#"{"type":"number","minimum":0}"#,
        &["1e10", "0.5", "1.5E+07", "0", "0e3", "6.02e23"],
        &["-1", "-0.1", "-1e5"],
    );
    check(
        r#"{"type":"number","exclusiveMinimum":0}"#,
        &["1e10", "0.5", "1.5E+07", "1e-9", "3"],
        &["0", "0.0", "0e5", "0.0E1", "0e-3", "-0", "-1e5"],
    );
    check(
        r#"{"type":"number","exclusiveMaximum":0}"#,
        &["-1e10", "-0.5", "-1.5E+07", "-3"],
        &["-0", "-0.0", "-0e1", "-0.0E1", "0", "0e5", "1e5"],
    );
    check(
        r#"{"type":"number","minimum":1.5,"type":["number"],"maximum":2500}"#,
        &["1.5e0", "2.5e3", "2e03", "99", "9.9e2"],
        &["1.4e0", "2.51e3", "1e4", "1e-1", "2500.1"],
    );
    check(
        r#"{"type":"integer","minimum":1.5,"maximum":2.5}"#,
        &["2", "2.0", "2e0"],
        &["1", "3", "2.5", "1e0", "3e0", "2.00"],
    );
    check(
        r#"{"type":"integer"}"#,
        &["0", "-1.0", "12e3", "1E+2", "-5e0"],
        &["1.5", "1e-1", "1.5e1", "01", "-0", "1.", "1.0e1"],
    );
    check(
        r#"{"type":"integer","minimum":7,"exclusiveMaximum":300}"#,
        &["7", "299.0", "7e0", "2e2", "1e+01"],
        &["6.0", "300.0", "3e2", "6e0", "1e3", "7.5e1", "70e-1"],
    );
    check(
        r#"{"type":"number","multipleOf":0.25,"minimum":-1}"#,
        &["0.25", "-0.75", "3", "10.50"],
        &["0.3", "-1.25", "0.251"],
    );
    check(
        r#"{"type":"integer","multipleOf":7,"maximum":70}"#,
        &["14", "70", "-7", "0"],
        &["15", "77", "-8"],
    );
    refused(r#"{"type":"integer","minimum":1.2,"maximum":1.8}"#);
    for (schema, least, most) in [
        ("\"minimum\":2,\"maximum\":1", "2e0", "1e0"),
        ("\"minimum\":500,\"maximum\":3", "5e2", "3e0"),
        ("\"minimum\":1,\"maximum\":0.5", "1e0", "5e-1"),
        ("\"minimum\":-3,\"maximum\":-500", "-3e0", "-5e2"),
        ("\"minimum\":-0.5,\"maximum\":-1", "-5e-1", "-1e0"),
    ] {
        let schema = format!("{{\"type\":\"number\",{schema}}}");
        // Where there is something else to write, the numbers are still none of it.
        check(
            &format!("{{\"anyOf\":[{schema},{{\"type\":\"null\"}}]}}"),
            &["null"],
            &[least, most],
        );
        refused(&schema);
    }
    refused(r#"{"type":"number","exclusiveMinimum":1,"exclusiveMaximum":1}"#);
}

#[test]
fn listed_values_are_written_in_any_way() {
    check(
        r#"{"enum":[1,-2.50,0,1000,[3],"x"]}"#,
        &[
            "1", "1.0", "1e0", "-2.5", "-2.5E+0", "0", "0.0", "1e3", "1000.0", "[3.0]", "\"x\"",
        ],
        &["1.5", "1e1", "2.5", "-2", "0e1", "10", "[3.5]"],
    );
    check(
        r#"{"enum":[1,2,3,4.5,6],"minimum":2,"type":["number"],"exclusiveMaximum":6}"#,
        &["2.0", "3e0", "4.5"],
        &["1", "6", "6.0", "5"],
    );
    check(
        r#"{"const":{"a":1,"b":{"c":[],"d":null}}}"#,
        &[
            r#"{"a":1,"b":{"c":[],"d":null}}"#,
            r#"{"b":{"d":null,"c":[]},"a":1.0}"#,
        ],
        &[
            r#"{"a":1}"#,
            r#"{"a":1,"b":{"c":[]}}"#,
            r#"{"a":1,"a":1,"b":{"c":[],"d":null}}"#,
        ],
    );
}

#[test]
fn numbers_that_are_not_kept_are_refused_where_they_matter() {
    for schema in [
        r#"{"type":"integer","minimum":18446744073709551617}"#,
        r#"{"maximum":-9223372036854775809}"#,
        r#"{"const":{"\"a":[0.12345678901234567890123]}}"#,
        r#"{"not":{"multipleOf":3.00000000000000000001}}"#,
    ] {
        assert!(refused(schema).contains("too many digits"), "{schema}");
    }
    check(
        r#"{"minimum":18446744073709551615,"type":"integer","default":12345678901234567890123,"title":"\\"}"#,
        &["18446744073709551615"],
        &["18446744073709551614"],
    );
    check(
        r#"{"maximum":1.0000000000000000000,"minimum":0.30000000000000004,"title":"3.14159265358979323846"}"#,
        &["1", "0.5"],
        &["1.1"],
    );
}
