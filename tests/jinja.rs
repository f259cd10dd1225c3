//! Jinja's language: expressions and small templates against what Jinja2 makes of them.
#![cfg(not(target_arch = "wasm32"))]

use nexttoken::chat::{Message, Rendering, Request, render};
use serde::Deserialize;

/// A file that `data/chat/make.py` writes.
#[derive(Deserialize)]
struct Table {
    variables: serde_json::Map<String, serde_json::Value>,
    cases: Vec<Case>,
}

/// A template, and what Jinja2 gives: a text, or the reason why it gives none.
#[derive(Deserialize)]
struct Case {
    template: String,
    text: Option<String>,
    refused: Option<String>,
}

fn request(template: &str) -> Request {
    Request {
        template: template.into(),
        messages: vec![Message::new("user", "Hi")],
        bos_token: Some("<s>".into()),
        eos_token: Some("</s>".into()),
    }
}

fn differences(file: &str) -> (usize, Vec<String>) {
    let path = match file.starts_with('/') {
        true => file.to_owned(),
        false => format!("{}/tests/data/chat/{file}", env!("CARGO_MANIFEST_DIR")),
    };
    let table: Table = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rendering = Rendering {
        date: Some("2026-11-24T12:30:00".into()),
        variables: table.variables,
        ..Rendering::default()
    };
    let difference = |case: &Case| {
        let found = render(&request(&case.template), &rendering);
        let same = match &case.text {
            Some(text) => found.as_ref().is_ok_and(|found| found == text),
            None => found.is_err(),
        };
        let expected = case.text.as_ref().or(case.refused.as_ref());
        (!same).then(|| format!("{:?}\n  {found:?}\n  {expected:?}", case.template))
    };
    let found = table.cases.iter().filter_map(difference).collect();
    (table.cases.len(), found)
}

/// The templates of a file give what they give with Jinja2, and there are more than `least`.
fn holds(file: &str, least: usize) {
    let (count, found) = differences(file);
    assert!(count > least);
    assert!(
        found.is_empty(),
        "{} of {count}:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn expressions_are_worth_what_they_are_with_jinja2() {
    holds("expressions.json", 1000);
}

/// `data/chat/random_templates.py` tells how to make more of them.
#[test]
fn random_templates_render_as_with_jinja2() {
    match std::env::var("NEXTTOKEN_RANDOM_TEMPLATES") {
        Ok(more) => holds(&more, 0),
        Err(_) => holds("random.json", 900),
    }
}

#[test]
fn what_has_no_order_is_an_error_and_no_panic() {
    let mixed = "{% set x = namespace(all=[]) %}{% for i in range(99) %}\
                 {% set x.all = x.all + [i * 37 % 99, 'abc'[i % 3], none, [i]] %}{% endfor %}";
    let keys: Vec<String> = (0..60).map(|i| format!("{i}: 1, 'k{i}': 2")).collect();
    for template in [
        format!("{mixed}{{{{ x.all | sort }}}}"),
        format!("{mixed}{{{{ x.all | sort(reverse=true) }}}}"),
        format!("{{{{ {{{}}} | dictsort }}}}", keys.join(", ")),
        format!("{{{{ {{{}}} | tojson(sort_keys=true) }}}}", keys.join(", ")),
    ] {
        let found = render(&request(&template), &Rendering::default());
        assert!(found.is_err(), "{template}: {found:?}");
    }
    let no_number = "{% set x = namespace(all=[]) %}{% for i in range(99) %}\
                     {% set x.all = x.all + [i * 37 % 99, 'nan' | float] %}{% endfor %}\
                     {{ x.all | sort | length }}";
    let found = render(&request(no_number), &Rendering::default());
    assert_eq!(found.unwrap(), "198");
    let many = "{{ range(99, 0, -1) | list | sort == range(1, 100) | list }}";
    let found = render(&request(many), &Rendering::default());
    assert_eq!(found.unwrap(), "True");
}

#[test]
fn fractions_of_a_second_are_millionths() {
    for (date, expected) in [
        ("2026-11-24T12:30:05.25", "05.250000 %f"),
        ("2026-11-24T12:30:05", "05.000000 %f"),
        ("2026-11-24", "00.000000 %f"),
    ] {
        let rendering = Rendering {
            date: Some(date.into()),
            ..Rendering::default()
        };
        let found = render(&request("{{ strftime_now('%S.%f %%f') }}"), &rendering);
        assert_eq!(found.unwrap(), expected);
    }
}

#[test]
fn many_tools_and_documents_render() {
    let tools = |tools: usize, parameters: usize| {
        let parameter = |index| {
            let about = serde_json::json!({"type": "string", "description": "what it is", "enum": ["a", "b"]});
            (format!("parameter_{index}"), about)
        };
        let tool = |index: usize| {
            let properties: serde_json::Map<_, _> = (0..parameters).map(parameter).collect();
            let parameters =
                serde_json::json!({"type": "object", "properties": properties, "required": []});
            let name = format!("tool_{index}");
            serde_json::json!({"type": "function", "function": {"name": name, "parameters": parameters}})
        };
        let tools: Vec<_> = (0..tools).map(tool).collect();
        ("tools", serde_json::Value::from(tools))
    };
    let document =
        |index: usize| serde_json::json!({"title": index.to_string(), "text": "what it says"});
    let documents: Vec<_> = (0..3000).map(document).collect();
    let template = "{% for tool in tools or [] %}{% set f = tool.function %}<function>{{ f.name }}\n\
        {% for name, fields in f.parameters.properties | items %}<parameter>{{ name }}\n\
        {% if fields.type is defined %}<type>{{ fields.type | string }}</type>{% endif %}\
        {% for key in fields %}{% if key not in ['type', 'name'] %}\
        {% set key_name = key | replace('-', '_') | replace(' ', '_') %}<{{ key_name }}>\
        {{ fields[key] | tojson | safe if fields[key] is mapping or fields[key] is not string else fields[key] }}\
        </{{ key_name }}>{% endif %}{% endfor %}</parameter>{% endfor %}</function>\
        {{ tool | tojson(indent=2) }}{% endfor %}\
        {% for document in documents or [] %}<doc {{ loop.index }}/{{ loop.length }}>\
        {{ document.title | trim }}: {{ document['text'].strip() }}</doc>{% endfor %}";
    let documents = ("documents", serde_json::Value::from(documents));
    for (name, value) in [tools(36, 20), tools(75, 3), documents] {
        let rendering = Rendering {
            variables: [(name.to_owned(), value)].into_iter().collect(),
            ..Rendering::default()
        };
        let text = render(&request(template), &rendering).unwrap();
        assert!(text.len() > 10_000, "{name}: {} bytes", text.len());
    }
}

/// What is nested deeper than the caller's stack bears ends with an error all the same, or with a text.
#[test]
fn depth_needs_no_stack_of_the_callers() {
    let nested = |open: &str, inside: &str, close: &str, depth| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    let mut templates = Vec::new();
    for depth in [50, 140, 5000] {
        for (open, inside, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{1: ", "1", "}"),
            ("not ", "1", ""),
            ("- ", "1", ""),
        ] {
            templates.push(format!("{{{{ {} }}}}", nested(open, inside, close, depth)));
        }
        templates.push(nested("{% if 1 %}", "x", "{% endif %}", depth));
        templates.push(nested("{% for x in [1] %}", "x", "{% endfor %}", depth));
        templates.push(nested("{% filter upper %}", "x", "{% endfilter %}", depth));
        templates.push(format!("{{{{ x{} }}}}", ".a".repeat(depth)));
        templates.push(format!("{{{{ 1{} }}}}", " | abs".repeat(depth)));
        templates.push(format!(
            "{{{{ '{}'.format(1) }}}}",
            nested("{:", "x", "}", depth)
        ));
    }
    templates.push("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}".into());
    templates.push("{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x < ns.x }}".into());
    let deep = nested("[", "1", "]", 120);
    let small = move || {
        let rendering = Rendering {
            variables: serde_json::from_str(&format!("{{\"deep\": {deep}}}")).unwrap(),
            ..Rendering::default()
        };
        for template in templates {
            if let Err(error) = render(&request(&template), &rendering) {
                assert_eq!(error.code(), "chat_template");
            }
        }
        let text = render(&request("{{ deep }}"), &rendering).unwrap();
        assert_eq!(text, deep);
        assert!(render(&request("{{ deep | tojson }}"), &rendering).is_err());
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(small);
    thread.unwrap().join().unwrap();
}
