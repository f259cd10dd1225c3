//! Schemas that are made of others: what must not fit, what depends on what, what is left over.

use super::{check, refused};

#[test]
fn what_must_not_fit_is_left_out() {
    check(
        r#"{"not":{"type":["integer","string","object","array"]}}"#,
        &["null", "true", "1.5", "-0.25"],
        &["1", "1.0", "1e2", "\"a\"", "{}", "[]"],
    );
    check(
        r#"{"type":["string","number","null"],"not":{"enum":["a","",1,2.5,null]}}"#,
        &["\"b\"", "\"aa\"", "2", "2.51", "25", "-1"],
        &[
            "\"a\"",
            r#""\u0061""#,
            "\"\"",
            "1",
            "1.0",
            "1e0",
            "2.50",
            "null",
        ],
    );
    check(
        r#"{"type":"string","not":{"pattern":"^x-"},"minLength":2}"#,
        &["\"xy\"", "\"ax-\""],
        &["\"x-a\"", r#""\u0078-a""#, "\"x\""],
    );
    check(
        r#"{"type":"object","not":{"required":["a","b"]},"properties":{"a":true,"b":true}}"#,
        &["{}", r#"{"a":1}"#, r#"{"b":1,"c":2}"#],
        &[r#"{"a":1,"b":2}"#, r#"{"b":1,"c":3,"\u0061":2}"#],
    );
    check(
        r#"{"type":"integer","minimum":0,"maximum":9,"not":{"anyOf":[{"multipleOf":2},{"const":7}]}}"#,
        &["1", "3", "5", "9"],
        &["0", "2", "7", "7.0", "7e0", "8"],
    );
    check(
        r#"{"type":"number","not":{"multipleOf":0.5}}"#,
        &["0.25", "-1.1", "3.75", "0.501"],
        &["0", "1", "0.0", "1.00", "0.5", "0.50", "-1.50", "2e0"],
    );
    check(
        r#"{"type":"number","not":{"multipleOf":3}}"#,
        &["1", "2", "-4", "0.5", "3.5"],
        &["0", "0.0", "3", "3.0", "-6", "12.00"],
    );
    check(
        r#"{"type":"array","not":{"items":{"type":"integer"}},"maxItems":3}"#,
        &["[1,null]", "[null]", "[1,2,\"a\"]"],
        &["[]", "[1]", "[1,2,3]", "[1,2,3,null]"],
    );
    check(
        r#"{"not":{"not":{"type":"boolean"}}}"#,
        &["true"],
        &["null"],
    );
    let keyword = refused(r#"{"not":{"patternProperties":{"a":false}}}"#);
    assert!(keyword.contains("\"patternProperties\""), "{keyword}");
    refused(r#"{"not":{"const":[1]},"type":"array"}"#);
    refused(r#"{"not":{}}"#);
}

#[test]
fn of_overlapping_options_exactly_one_fits() {
    check(
        r#"{"oneOf":[{"type":"integer"},{"minimum":2}],"type":"number"}"#,
        &["1", "-5", "2.5", "7.25"],
        &["2", "3.0", "1.5"],
    );
    check(
        r#"{"type":"object","oneOf":[{"required":["email"]},{"required":["phone"]}],"properties":{"email":{"type":"string"},"phone":{"type":"string"}},"additionalProperties":false}"#,
        &[r#"{"email":"a"}"#, r#"{"phone":"1"}"#],
        &["{}", r#"{"email":"a","phone":"1"}"#, r#"{"email":1}"#],
    );
    let closed = |name| {
        format!(
            r#"{{"type":"object","properties":{{"{name}":{{"type":"null"}}}},"additionalProperties":false}}"#
        )
    };
    let keyword = refused(&format!("{{\"oneOf\":[{},{}]}}", closed("a"), closed("b")));
    assert!(keyword.contains("\"additionalProperties\""), "{keyword}");
    check(
        r#"{"oneOf":[{"type":"integer","multipleOf":3},{"type":"integer","multipleOf":5},{"const":"x"}]}"#,
        &["3", "5", "10", "\"x\""],
        &["15", "0", "1", "30", "\"y\""],
    );
    check(
        r#"{"oneOf":[{"type":"string","maxLength":3},{"type":"string","pattern":"^a"}]}"#,
        &["\"xyz\"", "\"abcd\"", "\"\""],
        &["\"a\"", "\"abc\"", "\"xyzz\""],
    );
}

#[test]
fn conditions_are_kept() {
    let country = r#"{"type":"object","properties":{"country":{"enum":["US","NL"]},"code":{"type":"string"}},"required":["country","code"],"additionalProperties":false,
        "if":{"properties":{"country":{"const":"US"}}},
        "then":{"properties":{"code":{"pattern":"^[0-9]{5}$"}}},
        "else":{"properties":{"code":{"pattern":"^[0-9]{4}[A-Z]{2}$"}}}}"#;
    check(
        country,
        &[
            r#"{"country":"US","code":"12345"}"#,
            r#"{"code":"1234AB","country":"NL"}"#,
        ],
        &[
            r#"{"country":"US","code":"1234AB"}"#,
            r#"{"code":"12345","country":"NL"}"#,
        ],
    );
    check(
        r#"{"if":{"type":"integer"},"then":{"minimum":5},"else":{"type":["string","number"]}}"#,
        &["5", "\"a\"", "1.5"],
        &["4", "4.0", "null"],
    );
    check(
        r#"{"type":"array","then":{"maxItems":0},"else":false,"items":{"const":1}}"#,
        &["[]", "[1,1]"],
        &["[2]"],
    );
}

#[test]
fn members_may_depend_on_others() {
    for keyword in ["dependentRequired", "dependencies"] {
        check(
            &format!(
                r#"{{"type":"object","properties":{{"card":{{"type":"integer"}},"address":{{"type":"string"}}}},"{keyword}":{{"card":["address"]}}}}"#
            ),
            &[
                "{}",
                r#"{"address":"x"}"#,
                r#"{"card":1,"address":"x"}"#,
                r#"{"address":"x","y":0,"card":1}"#,
            ],
            &[r#"{"card":1}"#, r#"{"c\u0061rd":1,"y":0}"#],
        );
    }
    for keyword in ["dependentSchemas", "dependencies"] {
        check(
            &format!(
                r#"{{"{keyword}":{{"a":{{"properties":{{"b":{{"type":"null"}}}},"required":["c"]}}}}}}"#
            ),
            &[
                "1",
                r#"{"b":1}"#,
                r#"{"a":1,"c":2}"#,
                r#"{"b":null,"c":2,"a":1}"#,
            ],
            &[r#"{"a":1}"#, r#"{"a":1,"b":1,"c":2}"#],
        );
    }
    refused(r#"{"dependentRequired":{"a":true}}"#);
}

#[test]
fn what_no_schema_speaks_of_is_known() {
    check(
        r##"{"$defs":{"base":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}},
            "allOf":[{"$ref":"#/$defs/base"}],"properties":{"name":{"type":"string"}},"unevaluatedProperties":false}"##,
        &[r#"{"id":1}"#, r#"{"name":"x","id":1}"#],
        &[r#"{"id":1,"other":2}"#, r#"{"name":"x"}"#],
    );
    check(
        r#"{"type":"object","anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":2}},"required":["b"]}],"unevaluatedProperties":{"type":"null"}}"#,
        &[r#"{"a":1}"#, r#"{"b":2,"z":null}"#, r#"{"z":null,"a":1}"#],
        &["{}", r#"{"a":1,"z":0}"#, r#"{"a":1,"b":3}"#],
    );
    // What a schema beside it says does not count.
    check(
        r#"{"type":"object","allOf":[{"properties":{"a":true}},{"unevaluatedProperties":false}]}"#,
        &["{}"],
        &[r#"{"a":1}"#],
    );
    check(
        r#"{"type":"array","prefixItems":[{"const":1}],"allOf":[{"prefixItems":[true,{"const":2}]}],"unevaluatedItems":false}"#,
        &["[]", "[1]", "[1,2]"],
        &["[1,2,3]", "[1,3]", "[2]"],
    );
}

#[test]
fn items_that_must_be_there_are_counted() {
    check(
        r#"{"type":"array","items":{"type":["integer","string"]},"contains":{"type":"string"}}"#,
        &["[\"a\"]", "[1,\"a\"]", "[\"a\",1,2,\"b\"]"],
        &["[]", "[1]", "[1,2]", "[null,\"a\"]"],
    );
    check(
        r#"{"type":"array","contains":{"minimum":5,"type":"integer"},"minContains":2,"maxContains":3,"maxItems":4}"#,
        &["[5,6]", "[1,5,null,6]", "[5,6,7,1]"],
        &["[5]", "[5,6,7,8]", "[1,2,5]", "[1,2,3,5", "[5,6,1,1,1]"],
    );
    check(
        r#"{"type":"array","contains":{"const":1},"minContains":0}"#,
        &["[]", "[2]", "[1]"],
        &["[", "{}"],
    );
    check(
        r#"{"type":"array","contains":{"const":1},"maxContains":0,"minContains":0}"#,
        &["[]", "[2,3]"],
        &["[1]", "[2,1.0]"],
    );
    check(
        r#"{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"type":"boolean"},"contains":{"const":true}}"#,
        &["[1,2,true]", "[1,2,false,true]"],
        &["[1,2]", "[1,2,false]", "[true]"],
    );
    refused(r#"{"type":"array","contains":{"const":1},"maxContains":0}"#);
    refused(r#"{"type":"array","contains":{"const":1},"items":{"const":2}}"#);
}
