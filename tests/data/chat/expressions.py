"""Expressions and small templates that `make.py` renders with Jinja2, by what they are about."""

import re

VARIABLES = {
    "text": "Hello World",
    "lines": "one\n  two\n\nthree\n",
    "odd": "Straße ǆ ŉ İi ΑΣ ½ ② ৩ 日本 \u00a0ﬁ",
    "n": 7,
    "f": 2.5,
    "nothing": None,
    "yes": True,
    "numbers": [3, 1, 2],
    "words": ["pear", "Apple", "fig", "apple"],
    "person": {"name": "Ada", "age": 36, "items": [1, 2], "keys": "none"},
    "people": [
        {"name": "Ada", "age": 36, "tags": ["x", "y"]},
        {"name": "bob", "age": 7, "tags": []},
        {"name": "Cy", "age": 36},
    ],
    "empty": {"list": [], "map": {}, "text": ""},
    "schema": {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"type": "string"}},
            "get": {"type": "number", "default": 1e-07, "enum": [1.0, 2, None, True]},
        },
        "required": ["items"],
    },
}

TESTS = """
none is iterable|none is sequence|none is mapping|none is string|none is defined|none is callable|none is number
'text' is iterable|'text' is sequence|'text' is mapping|'' is sequence|'a' is callable|text is string
{} is iterable|{'a': 1} is sequence|{'a': 1} is mapping|[] is sequence|[] is mapping|() is sequence|[] is string
1 is iterable|1 is sequence|1 is number|1.0 is number|true is number|true is integer|1 is integer|1.0 is integer
1.0 is float|1 is float|true is boolean|1 is boolean|none is boolean|undefined_name is iterable|undefined_name is sequence
undefined_name is defined|undefined_name is undefined|undefined_name is none|undefined_name is mapping|undefined_name is string
true is true|1 is true|false is false|0 is false|none is false|range is callable|namespace is callable|'x'.upper is callable
person.get is callable|raise_exception is callable|range(3) is iterable|range(3) is sequence|person.items is defined
4 is even|3 is odd|4 is odd|9 is divisibleby 3|9 is divisibleby(2)|-3 is odd|'abc' is lower|'ABC' is upper|'A1' is upper|'1' is lower
1 is eq 1|1 is equalto 1.0|1 is ne 2|1 is lt 2|1 is lessthan 1|2 is gt 1|2 is greaterthan 3|1 is le 1|1 is ge 2|1 is sameas 1
1 is sameas 1.0|true is sameas true|1 is sameas true|none is sameas none|1 is in [1, 2]|'a' is in 'abc'|3 is not in [1]
'upper' is filter|'nope' is filter|'odd' is test|'nope' is test|'x' is escaped|people is iterable and people is not mapping
person is mapping and person.name is string|nothing is none|nothing is not none|missing.x is defined|person.nope is defined
person['nope'] is defined|person.name is defined and person.name|5 is number and 5 is not string|'1' is number|[1] is iterable
"""

OPERATORS = """
1 + 2|1 - 5|2 * 3|7 / 2|6 / 2|7 // 2|-7 // 2|7 // -2|7 % 3|-7 % 3|7 % -3|7.5 % 2|-7.5 // 2|2 ** 10|2 ** -1|2 ** 0.5|(-2) ** 2|-2 ** 2
1 + true|true + true|1.5 + 1|0.1 + 0.2|1e16|1e15|1e-5|1e-4|123456789.123456789|1e22|1e300 * 1e10|-(1e300 * 1e10)|3.0|-0.0|100000000000000000000.0
1_000|0x1f|0b101|0o17|1.5e3|9007199254740993|9223372036854775807 + 1|2 ** 64|2 ** 100|-5|- 5|+5|--5|not 1|not ''|not none|not []
'a' + 'b'|'a' * 3|3 * 'a'|'ab' * 0|'ab' * -1|[1] + [2]|[1] * 2|2 * [1]|(1,) + (2,)|[1] + (2,)|'a' + 1|1 + 'a'|none + 1|[1] + 'a'|'a' - 'b'
'a' ~ 1 ~ none ~ true ~ 1.0|[1] ~ 'x'|1 ~ 2|'x' ~ undefined_name ~ 'y'|1 / 0|1 // 0|1 % 0|1.0 // 0|undefined_name + 1|undefined_name ~ 'x'
'%s' % 'x'|'%s and %s' % ('a', 1)|'%d' % 3.7|'%5.2f!' % 3.14159|'%-5s!' % 'ab'|'%05d' % 42|'%x %X %o' % (255, 255, 8)|'%%'|'100%%' % ()|'%r' % 'a'
'%(a)s-%(b)d' % {'a': 1, 'b': 2}|'%s' % [1, 2]|'%s' % none|'%s %s' % ('a',)|'%c' % 'x'|'%e' % 12345.678|'%g' % 1e-5|'%+d' % 5|'%s' % true|'%i' % 3
1 == 1.0|1 == true|0 == false|'a' == 'a'|'1' == 1|none == none|none == false|[1] == [1.0]|(1,) == [1]|{'a': 1} == {'a': 1}|[] == ()|1 != 2
1 < 2|'a' < 'b'|'B' < 'a'|[1, 2] < [1, 3]|1 < 2 < 3|3 > 2 > 2|1 <= 1.0|'a' < 1|none < 1|undefined_name == undefined_name|undefined_name == none
undefined_name < 1|true < 2|(1, 2) < (1, 3)|{'a': 1} < {'b': 1}|'' == none|1.5 >= 1|'é' > 'z'|1 == 1 == 1|1 in [1.0]|true in [1]
'a' in 'abc'|'' in 'abc'|1 in [1, 2]|'a' in {'a': 1}|1 in 'abc'|none in 'abc'|'a' not in 'abc'|'x' in none|'x' in undefined_name|not 'a' in 'b'
1 in (1, 2)|'a' in ['b', 'a']|[1] in [[1]]|'b' in {'a': 'b'}|'a' in 5|none in [none]|'user' in people|1 in {1: 2}
1 or 2|0 or 2|1 and 2|0 and 2|none or 'x'|'' or none|[] or 'empty'|not true and false|not (true and false)|1 if true else 2|1 if false
'yes' if none else 'no'|(1 if 0) is defined|1 if 0 else 2 if 0 else 3|true and not false|none and 1|undefined_name or 'd'|false or false
"""

ACCESS = """
person.name|person['name']|person.nope|person['nope']|person.nope.x|person.items()|person.keys()|person.values() | list|person.get('name')
person.get('nope')|person.get('nope', 1)|person['items']|person.items is callable|schema.properties.items() | list | length|schema['items'] is defined
schema.properties['get'].default|schema.properties.get('get').enum|schema.properties.get('nope') is none|people[0].name|people[-1].name|people[9]
people[9] is defined|people[0]['tags'][1]|numbers[1:]|numbers[:-1]|numbers[::-1]|numbers[::2]|numbers[5:]|text[0]|text[-1]|text[1:4]|text[::-1]|text[20]
text[:5]|odd[::-1]|numbers.0|people.0.name|text.nope|n.nope|none.nope|nothing.x is defined|yes.x|numbers['a']|text['a']|numbers[none] is defined
{'a': {'b': 1}}.a.b|{1: 'x'}[1]|{true: 'x'}[1]|{1: 'x'}['1'] is defined|{none: 1}[none]|(1, 2)[0]|(1, 2)[:1]|[1, 2, 3][1:2]|numbers[1.0] is defined
{'b': 1, 'a': 2} | list|{'b': 1, 'a': 2}.keys() | list|{'a': 1}.items() | list|{'a': 1, 'a': 2}|{'x': none, 'y': true, 'z': 1.0}
[1, 'a', none, true, 1.5, "it's", 'q"q', "it's \\"x\\""]|('a',)|()|(1, 2)|[]|{}|[[]]|[undefined_name]|{'a': (1, [2])}|[1e-7, 1e20, 1e16]|['é\\n\\t\\\\', '\\u200b', '\\x7f']
range(3)|range(3) | list|range(1, 10, 3) | list|range(5, 0, -2) | list|range(0)| list|dict(a=1, b=2)|dict({'a': 1}, b=2)|namespace(a=1).a
cycler is defined|joiner is defined|loop is defined|true|True|none|None|false|False|'a' 'b'|"a" "b" 'c'|1,|1, 2|numbers.append(4)|person.update({})
person.pop('name')|text.__class__|text.__len__()|numbers.__len__|person.copy() == person|numbers.copy()|numbers.index(1)|numbers.count(3)|numbers.index(9)
"""

STRINGS = """
' x '.strip()|'xxaxx'.strip('x')|'  a'.lstrip()|'a  '.rstrip()|'abcba'.strip('ab')|' x '.strip(none)|'\u00a0x\u2003'.strip() | length|'\\x1cx\\x1f'.strip() | length
'a,b,c'.split(',')|'a b  c'.split()|'a b  c'.split(' ')|' a b '.split()|'a,b,c'.split(',', 1)|'a,b,c'.split(sep=',', maxsplit=1)|'a b c'.split(maxsplit=1)|' a  b c '.split(none, 1)
'a,b,c'.rsplit(',', 1)|'a b c'.rsplit(none, 1)|'a  b c '.rsplit(maxsplit=1)|'abc'.split('x')|''.split()|''.split(',')|'a'.split('')|'a,b'.rsplit(',')|'a<b>c'.split('<')[1].split('>')[0]
'a-b-c'.partition('-')|'a-b-c'.rpartition('-')|'abc'.partition('x')|'abc'.rpartition('x')|'one\\ntwo\\r\\nthree'.splitlines()|'a\\n'.splitlines(true)|'a\\x0bb\\x85c'.splitlines()
'prefix-x'.removeprefix('prefix-')|'x.txt'.removesuffix('.txt')|'abc'.removeprefix('x')|'abc'.removesuffix('')|'abcabc'.find('c')|'abcabc'.rfind('c')|'abc'.find('x')|'abcabc'.find('c', 3)
'abcabc'.find('a', 1, 3)|'abcabc'.index('b')|'abc'.index('x')|'abcabc'.rindex('b')|'éaé'.find('a')|'日本語'.index('語')|'abc'.find('')|'abab'.count('ab')|'aaa'.count('aa')|'abc'.count('')|'abcabc'.count('a', 1)
'abc'.startswith('a')|'abc'.startswith('b', 1)|'abc'.startswith(('x', 'a'))|'abc'.startswith('ab', 0, 1)|'abc'.endswith('c')|'abc'.endswith(('x', 'c'))|'abc'.endswith('b', 0, 2)|'abc'.startswith('')
'5'.zfill(3)|'-5'.zfill(4)|'+5'.zfill(4)|'abc'.zfill(2)|'a'.ljust(3) ~ '!'|'a'.rjust(3, '.')|'ab'.center(5, '*')|'abc'.center(6, '*')|'é'.center(4) ~ '!'|'a'.ljust(3, 'xy')
'hELLO wORLD'.capitalize()|'hello world'.title()|"they're bill's".title()|'Hello'.swapcase()|'ß'.upper()|'ß'.capitalize()|'ǆ'.title()|'ǆabc'.capitalize()|'İ'.lower() | length|'ΑΣ'.lower()|'ΑΣ Σ'.lower()|'ẞ'.casefold()|'ŉ'.upper()|'ﬁne'.title()|'aB1c'.title()
'1'.isdigit()|'²'.isdigit()|'½'.isdigit()|'½'.isnumeric()|'²'.isdecimal()|'৩'.isdecimal()|'一'.isnumeric()|''.isdigit()|'a1'.isalnum()|'日本'.isalpha()|'a b'.isalpha()|'ªº'.isalpha()|'②'.isalnum()
' \\t\\n'.isspace()|''.isspace()|'\u00a0\u2003'.isspace()|'\\x1c'.isspace()|'\u200b'.isspace()|'abc'.islower()|'aB'.islower()|'1'.islower()|'ABC1'.isupper()|'Hello World'.istitle()|'ª'.islower()|'ⅷ'.islower()|'é'.isascii()|''.isascii()|'a\\n'.isprintable()
'abc'.replace('b', 'x')|'aaa'.replace('a', 'b', 2)|'abc'.replace('', '-')|'aaa'.replace('a', 'b', -1)|'abc'.upper()|'x'.join(['a', 'b'])|'-'.join('abc')|', '.join([1])|', '.join(('a', 'b'))|', '.join({'k': 1})|'a\\tb'.expandtabs(4)
'{}'.format(1)|'{} {}'.format('a', none)|'{0}{1}{0}'.format('a', 'b')|'{a}'.format(a=1)|'{:>5}!'.format('ab')|'{:<5}!'.format('ab')|'{:^5}!'.format('ab')|'{:*^7}'.format('ab')|'{:05d}'.format(42)|'{:,}'.format(1234567)|'{:.2f}'.format(3.14159)|'{:x}'.format(255)|'{:#x}'.format(255)
'{:+d}'.format(5)|'{:%}'.format(0.25)|'{:.1%}'.format(0.256)|'{:e}'.format(12345.678)|'{:g}'.format(0.00001)|'{!r}'.format('a')|'{{}}'.format()|'{0[a]}'.format({'a': 1})|'{0.x}'.format(1)|'{:>{w}}'.format('a', w=4)|'{:b}'.format(5)|'{}'.format([1, 'a'])|'{}'.format(true)|'{:d}'.format(true)|'{:5}!'.format(1)|'{:5}!'.format('a')|'{}'.format(1.0)|'{:s}'.format(1)|'{} {}'.format(1)
'Now: {}'.format(1764000000)|'{} of {} tokens'.format(3, 20000000)|'Ticket 987654321: {}'.format('open')|'{:.3}'.format('abcdef')|'{:10.3f}!'.format(2.5)|'{:_}'.format(1234567)|'abc'.nope()|'abc'.nope is defined|'abc'.upper
'\\u00e9\\x41\\101\\n!'|'\\q'|'a\\'b'|"\\"q\\""|'\\\\n'|'\\0'|'\\U0001F600'|'tab\\there'|'\\a\\b\\f\\v' | length|'é\\u00e9'|'\\x4'
"""

FILTERS = """
text | upper|text | lower|'hello big-world foo_bar' | title|"it's o'neil (abc) [x] {y}" | title|'hELLO' | capitalize|odd | upper|odd | lower|odd | title|odd | capitalize|' x ' | trim|'xax' | trim('x')|5 | trim|none | trim|none | upper
text | length|numbers | length|person | length|odd | length|none | length|5 | length|undefined_name | length|'' | count|range(4) | length
undefined_name | default('d')|none | default('d')|none | default('d', true)|'' | default('d', boolean=true)|0 | d(5)|undefined_name | default|[] | default([1], true)|person.nope | default('x') | upper
numbers | first|numbers | last|[] | first|text | first|text | last|numbers | join|numbers | join(', ')|people | join(', ', attribute='name')|[1, none, true] | join('-')|'abc' | join('-')|undefined_name | join|none | join|[[1], 'a'] | join|(1, 2) | join(d='+')|person | join(',')
numbers | sort|words | sort|words | sort(case_sensitive=true)|words | sort(reverse=true)|numbers | sort(true)|people | map(attribute='name') | list|people | sort(attribute='age') | map(attribute='name') | join(',')|people | sort(attribute='age,name') | map(attribute='name') | join(',')|[1, 'a'] | sort|[none, 1] | sort|{'b': 1, 'a': 2} | sort
numbers | max|numbers | min|words | max|words | min|[] | max|people | max(attribute='age')|numbers | sum|people | sum(attribute='age')|[] | sum|[1.5, 2] | sum|['a'] | sum|[[1], [2]] | sum(start=[])|numbers | sum(start=10)
numbers | reverse | list|text | reverse|numbers | list|'abc' | list|person | list|none | list|range(3) | reverse | list|numbers | unique | list|words | unique | list|words | unique(case_sensitive=true) | list|[1, 1.0, true, '1'] | unique | list
people | selectattr('age', 'gt', 10) | map(attribute='name') | list|people | selectattr('tags') | list | length|people | rejectattr('tags') | map(attribute='name') | list|people | selectattr('name', 'equalto', 'Ada') | list | length|numbers | select('odd') | list|numbers | reject('odd') | list|[0, 1, none, 'a'] | select | list|[0, 1, none, 'a'] | reject | list|numbers | select('in', [1, 2]) | list|numbers | select('>', 1) | list|people | selectattr('tags', 'defined') | list | length|people | selectattr('nope.x', 'undefined') | list | length
numbers | map('string') | list|words | map('upper') | join(' ')|people | map(attribute='nope') | list|people | map(attribute='nope', default='x') | list|people | map(attribute='tags.0') | list|numbers | map|words | map('replace', 'p', 'b') | list|people | map('attr', 'name') | list|[[1, 2], [3]] | map('first') | list|words | map(attribute=0) | join
people | groupby('age') | map(attribute='grouper') | list|people | groupby('age') | list | length|(people | groupby('age') | first)[1] | length|people | groupby('nope', default='z') | map('first') | list|numbers | batch(2) | list|numbers | batch(2, 'x') | list|range(7) | slice(3) | list|range(7) | slice(3, 'x') | list|{'b': 1, 'A': 2} | dictsort|{'b': 1, 'A': 2} | dictsort(true)|{'b': 1, 'A': 2} | dictsort(false, 'value')|{'b': 1, 'A': 2} | dictsort(reverse=true)|person | items | list|undefined_name | items | list|none | items
'3' | int|'3.7' | int|'x' | int|'x' | int(5)|3.9 | int|-3.9 | int|none | int|'0x1f' | int(base=16)|'1f' | int(0, 16)|' 42 ' | int|'1_000' | int|true | int|[] | int|'3.5' | float|'x' | float|'x' | float(1.5)|3 | float|none | float|'1e3' | float|'inf' | float|'nan' | float|'1_0.5' | float
'٣' | int|'१२' | int|'-٣_4' | int|'१.५' | float|'𝟙𝟡' | int|'٣e१' | float|'½' | int|'②' | int|'٣' | int(base=2)|'0x٣' | int(base=16)|'𞥐7' | float
2.5 | round|3.5 | round|2.567 | round(2)|2.4 | round(0, 'ceil')|2.6 | round(method='floor')|1234 | round(-2)|2 | round|-2.5 | round|0.125 | round(2)|1e300 | round|2.55 | round(1, 'ceil')|-5 | abs|-5.5 | abs|true | abs|'a' | abs|5 | string|none | string|[1] | string|1.0 | string|true | string
'a b c' | replace(' ', '-')|'aaa' | replace('a', 'b', 2)|'abc' | replace('', '.')|5 | replace('5', '6')|'abc' | replace('b', 1)|none | replace('N', 'n')|'hello world and all' | wordcount|'a-b c_d e' | wordcount|'' | wordcount|'日本 語' | wordcount
'hello big wide world' | truncate(10)|'hello big wide world' | truncate(10, true)|'hello big wide world' | truncate(10, false, '..')|'hello' | truncate(3)|'hello big' | truncate(5, leeway=0)|'hello big' | truncate(5, true, '', 0)|('word ' * 60) | truncate|'hello big wide world' | truncate(2)|'hello' | truncate(length=3, killwords=true, end='…', leeway=0)
'ab' | center(6) ~ '!'|'ab' | center ~ '!'|5 | center(4) ~ '!'|lines | indent|lines | indent(2)|lines | indent(2, true)|lines | indent(2, true, true)|lines | indent(2, blank=true)|lines | indent('> ')|lines | indent(width=1, first=true)|'' | indent(2, true) ~ '!'|'a\\r\\nb\\x0bc' | indent(2)|5 | indent|'a\\n\\n' | indent(2, false, true) ~ '!'
'<a href="x">&\\'' | escape|'<b>' | e|'<b>' | safe|'<b>' | e | e|'<b>' | forceescape|('<b>' | e) ~ '<i>'|('<b>' | e) + '<i>'|'%d%%' | format(5)|'%s-%s' | format('a', 'b')|'%(x)s' | format(x=1)|'%d' | format(1764000000)|'%5.1f' | format(2.25)
person | attr('name')|'x' | attr('upper') is callable|person | attr('nope') is defined|5 | nope|'x' | bool|'a' | lines|'a,b' | split(',')|[1] | zip([2]) | list
"""

JSON = """
schema | tojson|schema | tojson(indent=2)|schema | tojson(indent='\\t')|schema | tojson(indent=0)|schema | tojson(separators=(',', ':'))|schema | tojson(separators=[',', ':'], indent=1)|schema | tojson(sort_keys=true)|{'b': {'d': 1, 'c': 2}, 'a': 1} | tojson(sort_keys=true, indent=1)|odd | tojson|odd | tojson(ensure_ascii=true)|odd | tojson(true)|schema | tojson(false, 4)|{'é': '😀'} | tojson(ensure_ascii=true)|'a"b\\\\c/d\\n\\t\\x00\\x1f\\x7f\\b\\f' | tojson|'\\u2028<>&' | tojson
1 | tojson|1.0 | tojson|1e-7 | tojson|1e16 | tojson|1e22 | tojson|0.1 | tojson|-0.0 | tojson|true | tojson|none | tojson|'' | tojson|[] | tojson|{} | tojson|[] | tojson(indent=2)|{'a': []} | tojson(indent=2)|(1, 2) | tojson|undefined_name | tojson|range(3) | tojson|{1: 'a', 2.5: 'b', true: 'c', none: 'd'} | tojson|{(1, 2): 3} | tojson|(1e300 * 1e10) | tojson|2 ** 70 | tojson|raise_exception | tojson|person.items() | tojson|person.keys() | list | tojson|[{'a': 1}, 2] | tojson(none, 1)|schema | tojson(nope=1)|[1] | tojson(indent=none)|{2: 1, 10: 2} | tojson(sort_keys=true)|{'a': 1, 2: 3} | tojson(sort_keys=true)|[1, [2, {'a': 3}]] | tojson(indent='--')|[1] | tojson(indent=-1)|[1] | tojson(indent=true)|[1, 2] | tojson(separators=(' ; ', ' = '), indent=2)|people | map(attribute='name') | tojson|people | tojson(sort_keys=true, ensure_ascii=false)
"""

# Whole small templates, one a line or between lines of `---`.
TEMPLATES = r"""
{% for c in 'abc' %}{{ loop.index }}/{{ loop.length }}{{ c }}{% if not loop.last %},{% endif %}{% endfor %}
{% for c in '' %}{{ c }}{% else %}none{% endfor %}
{% for c in 'añ😀' %}{{ c }}{{ loop.revindex0 }}{{ loop.nextitem }}{{ loop.previtem }} {% endfor %}
{% for x in none %}{{ x }}{% endfor %}
{% for x in 5 %}{{ x }}{% endfor %}
{% for x in undefined_name %}{{ x }}{% else %}empty{% endfor %}
{% for k in person %}{{ k }};{% endfor %}
{% for k, v in person.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in person | dictsort %}{{ k }}={{ v }};{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for a, b in ['xy'] %}{{ a }}-{{ b }}{% endfor %}
{% for x in numbers if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }}{{ loop.last }} {% endfor %}
{% for x in numbers if x > 9 %}{{ x }}{% else %}no{% endfor %}
{% for x in range(3) %}{{ loop.cycle('a', 'b') }}{{ loop.first }}{{ loop.depth }}{% endfor %}
{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}
{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth0 }}{% endif %}{% endfor %}
{% for x in numbers %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}
{% for x in numbers %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% for x in [] %}{{ x }}{% else %}{{ loop is defined }}{% endfor %}
{% for x in numbers %}{% set y = x %}{% endfor %}{{ y is defined }}
{% set y = 0 %}{% for x in numbers %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}
{% if true %}{% set y = 5 %}{% endif %}{{ y }}
{% set ns = namespace(a=1, b=[]) %}{% for x in numbers %}{% set ns.a = ns.a + x %}{% set ns.b = ns.b + [x] %}{% endfor %}{{ ns.a }}{{ ns.b }}
{% set ns = namespace() %}{% set ns.items = 3 %}{{ ns.items }}{{ ns.nope is defined }}
{% set ns = namespace(keys=1) %}{{ ns.keys }}
{% set person.x = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a = 1, 2 %}{{ a }}
{% set x %}  text {{ n }}{% endset %}[{{ x }}]
{% set x | upper %}text{% endset %}{{ x }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}
{% with a = 1 %}{% with b = a %}{{ b }}{% endwith %}{% endwith %}
{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% filter upper %}x {{ text }}{% endfilter %}
{% filter replace('l', 'L') | trim %} {{ text }} {% endfilter %}
{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=1, a=2) }} {{ m() }}
{% macro m(role, label=role) %}<{{ label }}>{% endmacro %}{{ m('user') }}{{ m('a', 'b') }}
{% macro m(a, b=a ~ '!', c=b * 2) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m('x') }} {{ m('x', c=1) }}
{% macro m(a, b=c, c=1) %}{{ b is defined }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=5) }} {{ m(1, 2) }} {{ m(1, 2, 3) }}
{% set c = 7 %}{% macro m(a, b=c ~ a, c=b) %}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=5) }} {{ m(1, 2) }}
{% macro m(a=a, b=[a, b]) %}{{ a is defined }}{{ b | length }}{{ b[1] is defined }}{% endmacro %}{{ m() }} {{ m(1) }} {{ m(b='x') }}
{% macro m() %}{{ varargs | join(' ') }}|{{ kwargs }}{% endmacro %}{{ m('a', 'b') }}{{ m(x=1) }}{{ m(1, y=2) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs.x }}{% endmacro %}{{ m(1, 2, 3, x=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a, b=none) %}{{ a is defined }}{{ b is none }}{% endmacro %}{{ m() }}{{ m(1, undefined_name) }}
{% macro m(a, b=5) %}{{ b }}{% endmacro %}[{{ m(1, undefined_name) }}]
{% macro m(a) %}[{{ caller() }}]{% endmacro %}{% call m(1) %}body{% endcall %}
{% macro m(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) m(numbers) %}<{{ x }}>{% endcall %}
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}late{% endmacro %}{{ a() }}
{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}
{% macro m() %}{{ late }}{% endmacro %}{% set late = 2 %}{{ m() }}
{% macro m() %}{% set x = 9 %}{{ x }}{% endmacro %}{{ m() }}{{ x is defined }}
{% for i in range(2) %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m(a, b=1) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}
{% macro m(x) %}  {{ x }}  {% endmacro %}[{{ m('a') | trim }}]{{ m('b').strip() }}{{ m('a') is string }}
{% macro m(x) %}{{ x.get('a') }}{{ x.b }}{% endmacro %}{{ m({'a': 1, 'b': 2}) }}
{% set f = {'g': namespace(h='x')} %}{{ f.g.h }}
{{ '{{ raw }}' }}{% raw %}{{ x }}{% if %}{% endraw %}
{%- raw -%}  a {{ b }} {%- endraw -%}  c
a {% raw %} b {% endraw %} c
{# comment #}x{#- c -#} y
{{ 1 }}{{- 2 -}} {{ 3 }}
a  {%- if true -%}  b  {%- endif -%}  c
{% generation %}x{{ n }}{% endgeneration %}y
{%- generation -%}  x  {%- endgeneration -%}  y
{% for m in [1] %}{% generation %}{% set q = 1 %}{{ m }}{% endgeneration %}{{ q is defined }}{% endfor %}
{% set generation = 5 %}{{ generation }}{{ 'a {% generation %} b' }}
{{ '{% generation %}' }}{# {% generation %} #}{% raw %}{% generation %}{% endraw %}
{% if n == 7 and text is string or false %}a{% elif n %}b{% else %}c{% endif %}
{% if undefined_name %}a{% elif not undefined_name %}b{% endif %}
{{ raise_exception('no ' ~ text) }}
{{ strftime_now('%d %B %Y') }}|{{ strftime_now('%Y-%m-%d %H:%M:%S %j %a %b %p %I %%') }}
{% set d = {} %}{% set _ = d.update({'a': 1}) %}{{ d }}
{% set l = [] %}{% set _ = l.append(1) %}{{ l }}
{% do numbers.append(1) %}
{% include 'x' %}
{% autoescape true %}{{ '<' }}{% endautoescape %}
{{ numbers | map('nope') | list }}
{{ f(*[1, 2]) }}
{{ dict(**person) | length }}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}
{% for message in people %}{{ '%-6s' % message.name }}|{{ "%03d" | format(message.age) }}|{% endfor %}
{% for k, v in schema.properties.items() %}{{ k }}: {{ v.type }}{% if v.items is defined %} of {{ v['items'] }}{% endif %};{% endfor %}
{% for k, v in schema.properties | items %}{{ k }}{% if v['items'] %}+{% endif %}{% endfor %}
{% if person.keys is string %}s{% else %}m{% endif %}
{% set x = text.split(' ')[1:] | first %}{{ x }}{{ text.split(' ')[-1].lower() }}
{{ "a" if n > 5 else "b" }}{{ ("x" ~ n) if n }}{{ [1, 2][0] if numbers }}
{{ (text | upper).split()[0] }}{{ numbers | length > 2 }}{{ -numbers | length if false else -1 | abs }}
{{ people | selectattr("age", ">", 10) | map(attribute="name") | map("upper") | join(", ") }}
{{ namespace(a=1) is mapping }}{{ namespace(a=1) is iterable }}
{% set x = [1, 2, 3] %}{{ x[0] }}{{ x | last }}{{ (x | reverse | list)[0] }}{{ x[-1:] }}
{% set tool_calls = none %}{% if tool_calls is defined and tool_calls %}a{% endif %}{{ tool_calls is not none and tool_calls is iterable }}
{{ undefined_name.x }}
{{ person.nope.x }}
{{ undefined_name() }}
{{ person.name() }}
{{ undefined_name['x'] }}
{{ 'x' | default }}{{ 1 if }}
{% if %}{% endif %}
{{ 'unclosed }}
{% for %}
{% endfor %}
{% unknown %}
{{ joiner(', ')() }}{% set j = joiner('|') %}{% for x in numbers %}{{ j() }}{{ x }}{% endfor %}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}
{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{% macro n(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}{{ n(1, 2) }}
{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{% macro n(a) %}{{ a }}{% endmacro %}{{ m(1, b=2) }}{{ n(1, b=2) }}
{% macro m(a) %}{{ a }}{{ 'varargs' }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% set varargs = 3 %}{{ varargs }}{% endmacro %}{{ m(1) }}{{ m.catch_varargs }}{{ m(1, 2) }}
{% macro m(a) %}{% for varargs in [1] %}{{ varargs }}{% endfor %}{% endmacro %}{{ m(1) }}{{ m.catch_varargs }}
{% macro m(a) %}{{ varargs }}{% set varargs = 3 %}{% endmacro %}{{ m(1, 2) }}{{ m.catch_varargs }}
{% macro m(varargs) %}{{ varargs }}{% endmacro %}{{ m(1) }}{{ m.catch_varargs }}
{% macro m(a) %}{% macro n() %}{{ varargs }}{% endmacro %}{{ n(5) }}{% endmacro %}{{ m(1, 2) }}{{ m.catch_varargs }}
{% macro m(a) %}{% macro n(varargs) %}{{ varargs }}{% endmacro %}{{ n(5) }}{% endmacro %}{{ m(1) }}{{ m.catch_varargs }}
{% macro m(a) %}{{ caller() }}{% endmacro %}{% macro n(a) %}{{ a }}{% endmacro %}{% call m(1) %}x{% endcall %}{% call n(1) %}x{% endcall %}
{% macro m(a) %}{{ caller(1) }}{{ caller is defined }}{% endmacro %}{{ m(1) is defined }}
{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(x, y=3) m() %}{{ x }}{{ y }}{% endcall %}
{% set varargs = 9 %}{% macro m(a) %}{{ varargs }}{% endmacro %}{{ m(1) }}{{ varargs }}
{% set varargs = 9 %}{% macro m(a) %}{{ a }}{% if false %}{{ varargs }}{% endif %}{% endmacro %}{{ m(1, 5) }}
{% set kwargs = 9 %}{% macro m(a) %}{{ n2() if n2 is defined }}{{ a }}{% endmacro %}{{ m(1) }}{{ kwargs }}
{% generation %}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q is defined }}
{% set q = 0 %}{% generation %}{{ q }}{% set q = 1 %}{{ q }}{% endgeneration %}{{ q }}
{% set ns = namespace(q=0) %}{% generation %}{% set ns.q = 5 %}{% endgeneration %}{{ ns.q }}
{% for x in [1, 2] %}{% generation %}{{ loop.index }}{{ x }}{{ loop.last }}{% endgeneration %}{% endfor %}
{% for x in [1, 2] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% for x in [1, 2] %}{% generation %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ y }}{% endfor %}{% endgeneration %}{% endfor %}
{% for x in [1, 2] %}{% generation %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endgeneration %}{% endfor %}
{% macro m(a) %}{% generation %}{{ a }}{% endgeneration %}{% endmacro %}{{ m(3) }}
{% macro m(a) %}{% generation %}{{ caller() }}{% endgeneration %}{% endmacro %}{% call m(3) %}x{% endcall %}
{% generation %}{% macro z() %}1{% endmacro %}{{ z() }}{% endgeneration %}{{ z is defined }}
{% generation %}a{% generation %}b{{ n }}{% endgeneration %}c{% endgeneration %}
{% if n %}{% generation %}{% if n == 7 %}x{% else %}y{% endif %}{% endgeneration %}{% endif %}
{% filter upper %}{% generation %}a{{ text }}{% endgeneration %}{% endfilter %}
{% set x %}{% generation %}a{{ text }}{% endgeneration %}{% endset %}{{ x }}
{% set ns = namespace() %}{% set ns.x %}a{{ n }}{% endset %}{{ ns.x }}{{ ns }}
{% set ns = namespace(a=1, b='x') %}{{ ns }}{% set ns.c = [ns.a] %}{{ ns.c }}{{ ns['a'] }}{{ ns.nope is defined }}{{ ns }}
{% set d = {} %}{% set d.x = 1 %}{{ d }}
{% set nope.x = 1 %}
{% set ns = namespace({'a': 1}) %}{{ ns.a }}{% set ns2 = namespace({'a': 1}, a=2) %}{{ ns2.a }}
{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set ns = namespace(x=namespace(y=1)) %}{% set ns.x.y = 3 %}{{ ns.x.y }}
{% set ns = namespace(x=1) %}{% macro m() %}{% set ns.x = 4 %}{% endmacro %}{{ m() }}{{ ns.x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = (3, 4) %}{{ a }}{{ b }}
{% for i in range(3) recursive %}{{ i }}{% if i == 1 %}{{ loop([5, 6]) }}{% endif %}{% endfor %}
{% for g in people | groupby('age') %}{{ g.grouper }}{{ g.list | length }}{{ g[0] }}{{ g }};{% endfor %}
{% for a, b in people | groupby('name') %}{{ a }}:{{ b | map(attribute='age') | join }};{% endfor %}
{{ people | groupby('name', case_sensitive=true) | map(attribute='grouper') | list }}{{ words | groupby(0) }}
{{ people | groupby('age') | first is sequence }}{{ (people | groupby('age') | first) == (7, [people[1]]) }}{{ (people | groupby('age') | first)[0:1] }}
{{ people | groupby('age') | tojson }}
{{ range(1, 10, 3)[1:] }}{{ range(10)[::-2] }}{{ range(5)[2:2] }}{{ range(5)[-2:] }}{{ range(3) == range(0, 3) }}{{ range(0) == range(2, 2) }}
{{ range(3)[1] }}{{ range(3)[5] is defined }}{{ range(5)[1:4] | list }}{{ range(5)[1:4][1] }}
{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}{{ {'a': 1}.items() | list }}{{ {'a': 1}.items() | first }}
{% set xs = person.items() %}{{ xs[0] is defined }}{{ xs | length }}{{ ('name', 'Ada') in xs }}{{ 'age' in person.keys() }}
{{ {'a': 1}.keys() == {'a': 2}.keys() }}{{ {'a': 1}.items() == {'a': 1}.items() }}{{ ['a'] == {'a': 2}.keys() }}
{{ [[1, [2]], {'a': (1,)}] == [[1, [2.0]], {'a': (1,)}] }}{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}{{ {'a': 1} != {'a': 2} }}
{{ [1, 2] | max }}{{ ['b', 'A'] | max }}{{ ['b', 'A'] | max(case_sensitive=true) }}{{ ['b', 'A', 'B'] | min }}{{ [true, 2] | min }}
{{ people | max(attribute='age') | tojson }}{{ people | min(attribute='name') | tojson }}{{ [[1, 2], [1, 3]] | max }}
{{ [{'a': 'x'}, {'a': 1}] | max(attribute='a') }}
{{ [1, none] | sort }}
{{ [{'a': none}, {'a': 1}] | sort(attribute='a') }}
{{ [{'a': [1]}, {'a': {}}] | unique(attribute='a') | list }}
{{ [(1, 2), (1, 2.0), (1,)] | unique | list }}
{{ [none, undefined_name, none, undefined_name] | unique | list | length }}
{{ {(1, [2]): 3} }}
{{ {(1, 2): 3}[(1, 2)] }}{{ {1: 'a'}[true] }}{{ {1: 'a'}.get(1.0) }}
{{ {'a': 1}.get({}) }}
{{ 'a' in {'a': 1}.values() }}{{ 1 in {'a': 1}.values() }}{{ [] in [[]] }}{{ {} in [{}] }}
{{ numbers | map('nope') }}
{{ [] | map('nope') | list }}{{ none | map('upper') | list }}{{ 0 | select | list }}{{ '' | batch(2) | list }}
{{ numbers | select('nope') | list }}
{{ people | selectattr | list }}
{{ people | map | list }}
{{ people | map(attribute='age', default=0) | sum }}{{ people | map(attribute='tags.0', default='-') | join }}
{{ people | map(attribute='age', nope=0) | list }}
{{ numbers | map('round', 1) | list }}{{ numbers | map('default', 1) | list }}{{ words | map('replace', old='p', new='q') | list }}
{{ people | selectattr('age', 'in', [7, 36]) | list | length }}{{ people | rejectattr('age', 'ge', 36) | map(attribute='name') | join }}
{{ numbers | reject('gt', 1) | list }}{{ words | select('in', 'apple fig') | list }}{{ words | select('lower') | list }}
{{ numbers | batch(0) | list }}{{ [] | batch(3, 'x') | list }}{{ range(5) | batch(3, 'x') | list }}{{ range(5) | batch(linecount=2) | list }}
{{ numbers | slice(0) | list }}
{{ range(5) | slice(7, '-') | list }}{{ [] | slice(2) | list }}
{{ 2.675 | round(2) }}{{ 1e20 | round(3) }}{{ 12345.678 | round(-2) }}{{ 15 | round(-1) }}{{ 25 | round(-1) }}{{ -15 | round(-1) }}{{ 5 | round(-3) }}{{ 0.5 | round }}{{ 1.5 | round }}{{ -0.5 | round }}
{{ 2.345 | round(2, 'ceil') }}{{ -2.345 | round(1, 'floor') }}{{ 7 | round(-1, 'floor') }}{{ 2.5 | round(0, 'nope') }}
{{ 'nan' | float | round }}
{{ '3' | round }}
{{ 'upper' is filter }}{{ 'map' is filter }}{{ 'pprint' is filter }}{{ 'e' is filter }}{{ 'iterate' is filter }}{{ 'set' is filter }}{{ '[]' is filter }}{{ 'bool' is filter }}
{{ 'in' is test }}{{ '==' is test }}{{ 'given' is test }}{{ 'sameas' is test }}{{ 'undefined' is test }}{{ 'safe' is test }}{{ 'int' is test }}
{{ 5 is int }}
{{ 1 is odd(2) }}
{{ 1.5 is odd }}{{ 'a' is odd }}
{{ 'ab' * 2 * 2 }}{{ [1] * 2 + [3] }}{{ (1, 2) * 2 }}{{ [0] * 0 }}{{ 3 * '-' }}{{ true * 3 }}{{ 2.5 * 2 }}{{ [[]] * 2 }}
{{ 2 ** 3 ** 2 }}{{ 2 ** -2 }}{{ 4 ** 0.5 }}{{ true ** 2 }}{{ 0 ** 0 }}{{ 0 ** -1 }}
{{ 'a' ** 2 }}
{{ ('<b>' | safe).upper() ~ '<' }}{{ (('<b>' | safe).strip() + '<') }}{{ ('<b>' | safe).split('b') }}{{ ('a' | safe).replace('a', 'b') | e }}
{{ text | reverse }}{{ numbers | reverse | first }}{{ person | reverse | list }}{{ range(3) | last }}{{ person | last }}{{ person.values() | last }}
{{ {'a': 1} | items | list }}{{ 'x' | items | list }}
{{ dict([('a', 1), ('b', 2)]) }}{{ dict([['a', 1]], b=2) }}{{ dict({'a': 1}, **{'c': 3}) }}{{ dict() }}
{{ dict([1]) }}
{{ dict(1) }}
{{ text[1.0] is defined }}{{ text[true] }}{{ numbers[true] }}{{ numbers[-4] is defined }}{{ text['upper'] is callable }}{{ text[-11] }}
{{ person[none] is defined }}{{ person[[1]] is defined }}{{ person[1] is defined }}{{ n[0] is defined }}{{ f['x'] is defined }}
{{ {'a': {'b': [10, 20]}}['a']['b'][-1] }}{{ people[0]['tags'][0] }}{{ ((1, 2), 3)[0][1] }}
{{ [3, 'a', 2.5, none] | list | string }}{{ [1, 2] | string | list }}
{{ 'x' | map('upper') | list }}{{ 'ab' | select('in', 'a') | list }}{{ {'a': 1} | map('upper') | list }}
{{ numbers | sum(start=0.5) }}{{ people | sum(attribute='age', start=1) }}{{ people | sum('age') }}
{{ [undefined_name] | sum }}
{{ numbers | sort(reverse=true, attribute=none) }}{{ people | sort(attribute='name', case_sensitive=true) | map(attribute='name') | list }}{{ people | sort(false, false, 'age,name') | map(attribute='name') | list }}
{{ 'cab' | sort }}{{ {'b': 1, 'a': 2} | sort }}{{ range(3) | sort(reverse=true) }}{{ [('b', 1), ('a', 2)] | sort }}
{{ ['é', 'E', 'z'] | sort }}{{ ['a', 'B', 'A', 'b'] | unique | list }}{{ ['a', 'B', 'A', 'b'] | sort }}
{{ 'ΑΣ Σ'.swapcase() }}{{ [('<b>' | safe)[1:], ('<b>' | safe) | last, ('<b>' | safe)[0]] }}
---
{% for m in people %}
  {% if m.tags %}
    {{ m.name }}
  {% endif %}
  {%+ if true %}keep{% endif +%}

{% endfor %}
end
---
{{ text }}
  {# comment at a line's start #}
after
	{%- set x = 1 %}
  {{ x }}
   {% set y = 2 -%}

   z
---
line one\
{% raw %}
  raw {{ x }}
{% endraw %}
  {% raw %}x{% endraw %}
last
---
{% macro show(items, depth=0) %}
{% for key, value in items | dictsort %}
{{ '  ' * depth }}{{ key }}:{% if value is mapping %}

{{ show(value, depth + 1) }}{% else %} {{ value | tojson }}
{% endif %}
{% endfor %}
{% endmacro %}
{{ show(schema) }}
---
{{ text }}

---
{{ 'two\
lines' }}
{{ 'in
side' }}
"""


def templates():
    """All of them, as a list."""
    found = []
    for table in (TESTS, OPERATORS, ACCESS, STRINGS, FILTERS, JSON):
        for line in table.strip().splitlines():
            # A filter's bar stands between spaces, that between two expressions does not.
            found += ["{{ " + part + " }}" for part in re.split(r"(?<! )\|(?! )", line)]
    single, *blocks = TEMPLATES.lstrip("\n").split("---\n")
    return found + single.splitlines() + blocks
