"""Renders every template of this folder as Hugging Face's transformers do, and writes expected.json.

Needs jinja2 (3.1). The environment is that of transformers' `apply_chat_template`
(src/transformers/utils/chat_template_utils.py): trim_blocks, lstrip_blocks, loop controls, a `tojson` that
is json.dumps without ASCII escapes, `raise_exception`, `strftime_now`, and the `generation` tag.
The templates are written after those of the models they are named for.
"""

import copy
import datetime
import json
import pathlib
import re

import expressions
import jinja2
import jinja2.ext
import jinja2.sandbox
import random_templates

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 11, 24, 12, 30)


class Generation(jinja2.ext.Extension):
    """{% generation %} … {% endgeneration %}: its body, as a call block."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("body"), [], [], body).set_lineno(line)

    def body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def render(template, messages, add_generation_prompt, variables):
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    given = {"tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>", **variables}
    try:
        given = {"messages": messages, "add_generation_prompt": add_generation_prompt, **given}
        return {"text": env.from_string(template).render(given)}
    except jinja2.exceptions.TemplateError as error:
        return {"refused": str(error)}


def say(*turns):
    return [{"role": role, "content": content} for role, content in turns]


CONVERSATIONS = [
    say(("user", "Hi")),
    say(("system", "Be brief."), ("user", "What is 2 + 2?")),
    say(("system", " /no_think Answer in verse. "), ("user", "  Hello,\n\nworld \n"), ("assistant", "<think>\nhm\n</think>\n\nHello!"), ("user", "Über “quotes” & <tags>?\n")),
    say(("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")),
    say(("user", "one"), ("user", "two")),
    say(("user", "weather?"), ("assistant", "let me look"), ("tool", '{"temperature": 21}'), ("tool", "sunny"), ("user", "thanks")),
    say(("user", "")),
]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds “two” numbers", "parameters": {"type": "object", "properties": {}, "required": ["a", "b"]}}}]
OPTIONS = [
    (True, {}),
    (False, {}),
    (True, {"enable_thinking": False}),
    (True, {"tools": TOOLS}),
]

ADD = {"name": "add", "arguments": {"a": 2, "b": [1.0, None, "é"]}}
LOOK = {"name": "look_up", "arguments": {"query": "<it>", "deep": True}}
CALLS = [{"id": "call00001", "type": "function", "function": ADD}]
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Tells the weather.\nOf a place.", "parameters": {"type": "object", "properties": {
    "place": {"type": "string", "description": "Where"},
    "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
    "days": {"type": "array", "items": {"type": "integer"}},
    "more": {"type": "object", "properties": {"wind": {"type": ["boolean", "null"]}}, "required": ["wind"]},
}, "required": ["place"]}, "return": {"type": "string"}}}
# What a message of the crate cannot hold comes as a variable of the name.
WITH_CALLS = [
    {"role": "system", "content": "Use tools."},
    {"role": "user", "content": "2 + 1?"},
    {"role": "assistant", "content": "", "tool_calls": CALLS},
    {"role": "tool", "content": "3", "name": "add", "tool_call_id": "call00001"},
    {"role": "assistant", "content": "<think>\nso\n</think>\n\nIt is 3."},
    {"role": "user", "content": "And now?"},
]
TWO_CALLS = WITH_CALLS[1:2] + [
    {"role": "assistant", "content": "<think>two</think>", "thinking": "two", "tool_calls": CALLS + [{"id": "call00002", "type": "function", "function": LOOK}]},
    {"role": "tool", "content": "3", "tool_call_id": "call00001"},
    {"role": "tool", "content": '{"found": ["ü"]}', "tool_call_id": "call00002"},
]
# As Gemma 4 has results, and gpt-oss a thought of a call whose answer is still to come.
RESPONDED = WITH_CALLS[:2] + [
    {"role": "assistant", "content": "", "reasoning_content": "so", "tool_calls": CALLS, "tool_responses": [
        {"name": "add", "response": {"sum": 3, "unit": ["é", None]}}, {"name": "add", "response": "three"},
    ]},
]
THOUGHT = WITH_CALLS[1:2] + [{"role": "assistant", "content": "", "thinking": "so", "tool_calls": CALLS}] + WITH_CALLS[3:4]
DOCUMENTS = [{"doc_id": 1, "title": "One", "text": "First."}, {"doc_id": "b", "title": "Two", "text": "Second <b>."}]
# Written later than the others: what agents and thinking models are asked.
LATER = ["ernie", "exaone4", "gemma2", "gemma4", "granite3", "harmony", "hunyuan", "lfm2", "llama32", "nemo", "r1distill"]
LATER_OPTIONS = [
    (True, {"messages": WITH_CALLS, "tools": TOOLS + [WEATHER]}),
    (False, {"messages": WITH_CALLS, "enable_thinking": True, "skip_think": False, "keep_past_thinking": True}),
    (True, {"messages": TWO_CALLS, "tools": [WEATHER], "tools_in_user_message": False}),
    (True, {"messages": TWO_CALLS[:2], "enable_thinking": False}),
    (True, {"documents": DOCUMENTS, "controls": {"citations": True, "length": "short"}}),
    (True, {"documents": DOCUMENTS, "tools": [WEATHER], "thinking": True, "reasoning_effort": "high"}),
    (True, {"thinking": True, "enable_thinking": True}),
]
OWN_OPTIONS = {
    "gemma4": [
        (True, {"messages": RESPONDED, "tools": [WEATHER], "enable_thinking": True}),
        (True, {"messages": RESPONDED + WITH_CALLS[4:]}),
    ],
    "harmony": [(True, {"messages": THOUGHT, "tools": [WEATHER]})],
}


def conversations():
    """Each template of the folder with each conversation, as far as they differ."""
    cases = []
    for path in sorted(HERE.glob("*.jinja")):
        for messages in CONVERSATIONS:
            for add_generation_prompt, variables in OPTIONS + (LATER_OPTIONS if path.stem in LATER else []) + OWN_OPTIONS.get(path.stem, []):
                if "messages" in variables and messages != CONVERSATIONS[0]:
                    continue
                given = {"add_generation_prompt": add_generation_prompt, "variables": variables}
                result = render(path.read_text(), messages, **given)
                case = {"template": path.name, "messages": messages, **given, **result}
                same = [c for c in cases if c["template"] == path.name and c["messages"] == messages and all(c.get(k) == result.get(k) for k in ("text", "refused"))]
                # An option that changes nothing is not worth a case.
                if not same:
                    cases.append(case)
    return cases


def small(templates, variables):
    """Templates that need no conversation: what each gives, or that it fails."""
    cases = []
    for template in templates:
        try:
            # Some filters of Jinja2 change a list they are given.
            result = render(template, say(("user", "Hi")), True, copy.deepcopy(variables))
        except Exception as error:
            result = {"refused": f"{type(error).__name__}: {error}"}
        # Where an object is in memory is no result.
        if not re.search(" at 0x|generator object|built-in method", result.get("text", ""), re.IGNORECASE):
            cases.append({"template": template, **result})
    return cases


def text_of(cases, **head):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    head = "".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in head.items())
    return f"{{\n{head}\"cases\": [\n{lines}\n]}}\n" if head else f"[\n{lines}\n]\n"


def write(name, cases, **head):
    (HERE / name).write_text(text_of(cases, **head))
    print(len(cases), "cases in", name)


if __name__ == "__main__":
    variables = expressions.VARIABLES
    write("expected.json", conversations())
    write("expressions.json", small(expressions.templates(), variables), variables=variables)
    made = small(random_templates.templates(1, 2500), variables)
    kept = [case for index, case in enumerate(made) if "text" in case or index % 5 == 0]
    write("random.json", kept, variables=variables)
