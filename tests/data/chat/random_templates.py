"""Random small templates, from a seed: what `make.py` renders with Jinja2 for the differential test.

    python random_templates.py SEED COUNT > FILE

writes as many others with their results in the same form; `NEXTTOKEN_RANDOM_TEMPLATES=FILE cargo test --test jinja`
(an absolute path) renders them here.
"""

import random
import sys

NAMES = ["text", "n", "f", "nothing", "yes", "numbers", "words", "person", "people", "schema", "odd", "lines", "unknown"]
ITEMS = ["person.name", "person['age']", "people[0].name", "people[-1].tags", "schema.properties", "numbers[1]", "empty.list", "empty.map", "person.get('age')", "words[1:]", "text[::-1]", "person.items()", "numbers | map('string')", "range(3)", "range(9, 2, -3)", "person.keys()", "person.values()", "people | groupby('age')", "dict(a=1, b='x')", "namespace(a=1)", "[[1], [1.0, 'a']]", "{1: 'x', true: 'y'}"]
LITERALS = ["1", "0", "-3", "2.5", "1e-7", "''", "'a'", "'Hello World'", "'é\\n'", "true", "false", "none", "[]", "[1, 2]", "['b', 'a']", "(1, 'x')", "{}", "{'a': 1, 'b': [2]}", "'a,b,,c'"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "join", "join(', ')", "string", "int", "float", "abs", "tojson", "tojson(indent=2)", "default('d')", "default('d', true)", "replace('a', 'b')", "indent(2)", "e", "dictsort", "wordcount", "truncate(6)", "center(9)", "count", "tojson(sort_keys=true, separators=(',', ':'))", "max", "min", "max(attribute='age')", "min(case_sensitive=true)", "sum", "sum(start=1)", "sum(attribute='age')", "sort", "sort(reverse=true)", "unique | list", "round", "round(1, 'floor')", "round(-1)", "reverse | list", "batch(2) | list", "slice(2, 'x') | list", "groupby('age')", "groupby('name', default='z')", "groupby(0) | map('first') | list", "map(attribute='age') | list", "map(attribute='age', default=0) | sum", "selectattr('age') | list", "rejectattr('age', 'gt', 9) | list | length", "select('in', [1, 'a']) | list", "items | list", "safe", "map('default', 1) | list"]
# They are given lists: what is wrong with anything else, a generator tells only when it is gone through.
LISTS = ["range(4)", "person.values()", "person", "numbers", "words", "people", "words[1:]", "[3, 1, 2]", "['b', 'a']", "empty.list", "person.items()", "text"]
OF_LISTS = ["sort", "select", "reject", "map('upper')", "map('string')", "batch(2)", "reverse", "select('string')", "map('length')", "sort(case_sensitive=true)", "sort(attribute='age')", "unique", "unique(attribute='name')", "groupby('age')", "slice(2)", "select('gt', 1)", "selectattr('age', 'ge', 9)", "rejectattr('tags')", "map(attribute='name')", "map(attribute='tags.0', default='-')"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true", "false", "odd", "even", "lower", "upper", "in [1, 'a']", "eq 1", "gt 1", "divisibleby 2", "sameas none", "sameas 1", "ne 'a'", "lt 2", "ge 'a'", "in 'abc'", "in person", "filter", "test", "escaped"]
METHODS = ["upper()", "lower()", "strip()", "title()", "split()", "split(',')", "split('o', 1)", "rsplit('o', 1)", "partition('o')", "startswith('H')", "endswith(('d', 'x'))", "find('l')", "rfind('l')", "count('l')", "replace('l', 'L', 1)", "isdigit()", "isalpha()", "isspace()", "zfill(4)", "ljust(6, '.')", "center(7)", "removeprefix('He')", "splitlines()", "items()", "keys()", "values()", "get('a')", "get('a', 5)", "index('a')", "format(1)", "join(['x', 'y'])", "swapcase()", "capitalize()", "get([])", "index(1)", "count(1)", "copy()"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self, depth=3):
        pick = self.random.choice
        if depth == 0:
            return pick(NAMES + ITEMS + LITERALS)
        inner = lambda: self.expression(depth - 1)
        kind = self.random.randrange(12)
        if kind < 2:
            return inner()
        if kind < 3:
            return f"{pick(LISTS)} | {pick(OF_LISTS)} | {pick(['list', 'join', 'list | string'])}"
        if kind < 5:
            return f"({inner()}) | {pick(FILTERS)}"
        if kind < 6:
            return f"({inner()}) is {pick(['', 'not '])}{pick(TESTS)}"
        if kind < 8:
            return f"({inner()}).{pick(METHODS)}"
        if kind < 10:
            return f"({inner()}) {pick(OPERATORS)} ({inner()})"
        if kind < 11:
            return f"({inner()}) if ({inner()}) else ({inner()})"
        return pick([f"not ({inner()})", f"[{inner()}, {inner()}]", f"{{'k': {inner()}}}", f"({pick(['text', 'odd', 'numbers', 'words'])})[{pick(['0', '-1', '1:', '::2', '-2:', ':9'])}]", f"(range(5){pick(['', '[1:]', '[::-1]', '[:-1:2]'])}){pick(['', '[1]', '[:2]', ' | list'])}", f"{inner()} {pick(['<', '==', 'in', '>='])} {inner()} {pick(['<=', '!=', '>'])} {pick(NAMES + LITERALS)}"])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.random.randint(1, 3)))

    def statement(self, depth=2):
        pick = self.random.choice
        mark = lambda: pick(["", "", "", "-", "+"])
        open_, close = lambda: "{%" + mark() + " ", lambda: " " + pick(["", "", "-"]) + "%}"
        space = pick(["", "", " ", "\n", "\n  "])
        kind = self.random.randrange(10 if depth else 4)
        if kind < 3:
            return space + "{{" + pick(["", "-"]) + " " + self.expression(2) + " }}"
        if kind < 4:
            return space + pick(["plain", "<|im_start|>", "{# note #}", "line\n", "{% raw %}\n{{ x }}{% endraw %}"])
        if kind < 6:
            return f"{space}{open_()}if {self.expression(2)}{close()}{self.body(depth - 1)}{open_()}else{close()}{self.body(depth - 1)}{open_()}endif{close()}"
        if kind < 8:
            show = pick(["{{ x }}{{ loop.index }}", "{{ loop.length }}{{ x }}", "{% if not loop.last %}{{ x }},{% endif %}"])
            return f"{space}{open_()}for x in {self.expression(1)}{close()}{show}{self.body(depth - 1)}{open_()}else{close()}none{open_()}endfor{close()}"
        if kind < 9:
            return pick([
                f"{space}{open_()}set y = {self.expression(2)}{close()}{{{{ y }}}}",
                f"{space}{open_()}set s = namespace(z={self.expression(1)}){close()}{open_()}for i in range(2){close()}{open_()}set s.z = {self.expression(1)}{close()}{open_()}endfor{close()}{{{{ s.z }}}}",
                f"{space}{open_()}set y{close()}{self.body(depth - 1)}{open_()}endset{close()}{{{{ y | length }}}}",
            ])
        inside = pick(["", "{{ varargs }}", "{{ kwargs }}", "{{ varargs | length }}{{ kwargs }}", "{% set varargs = 1 %}{{ varargs }}", "{{ caller() if caller }}"])
        more = pick(["", "", ", 2, 3", ", c=4"])
        return pick([
            f"{space}{open_()}macro m(a, b={self.expression(1)}){close()}{{{{ a }}}}{{{{ b }}}}{inside}{open_()}endmacro{close()}{{{{ m({self.expression(1)}{more}) }}}}",
            f"{space}{open_()}generation{close()}{self.body(depth - 1)}{open_()}set w = 1{close()}{open_()}endgeneration{close()}{{{{ w is defined }}}}",
            f"{space}{open_()}macro m(a){close()}{{{{ caller({self.expression(1)}) }}}}{open_()}endmacro{close()}{open_()}call(k) m(1){close()}{{{{ k }}}}{self.body(depth - 1)}{open_()}endcall{close()}",
        ])


def templates(seed, count):
    writer = Writer(seed)
    # Few of those that fail are worth a case: `make.py` keeps one in five.
    return [writer.body(2) if writer.random.random() < 0.4 else "{{ " + writer.expression() + " }}" for _ in range(count)]


if __name__ == "__main__":
    import make

    seed, count = int(sys.argv[1]), int(sys.argv[2])
    print(make.text_of(make.small(templates(seed, count), make.expressions.VARIABLES), variables=make.expressions.VARIABLES), end="")
