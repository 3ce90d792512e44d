#!/usr/bin/env python3
"""Write src/text/entity_tables.inc: run from the top of the source tree.

    python3 test/golden/make_entity_tables.py > src/text/entity_tables.inc

The names are those of the HTML standard (https://html.spec.whatwg.org/multipage/named-characters.html; Copyright WHATWG,
as part of source code under the BSD 3-Clause Licence), as Python's html.entities lists them.
"""
from html.entities import html5

names = sorted(name[:-1] for name in html5 if name.endswith(";"))
print('''/*
 * entity_tables.inc
 *	  Written by test/golden/make_entity_tables.py. Do not edit.
 *
 * The named character references of the HTML standard (https://html.spec.whatwg.org/multipage/named-characters.html;
 * Copyright WHATWG, as part of source code under the BSD 3-Clause Licence), in the order of strcmp.
 */

static const char entity_names[] =''')
places = []
place = 0
line = '\t"'
for name in names:
    places.append(place)
    place += len(name) + 1
    if len(line) + len(name) + 2 > 118:
        print(line + '"')
        line = '\t"'
    line += name + "\\0"
print(line + '";\n')
print("/* place of the name, whether it may stand without a semicolon, one or two code points */")
print("static const struct Entity\n{\n\tuint16_t\tname;\n\tuint16_t\tbare;\n\tuint32_t\tfirst;\n\tuint32_t\tsecond;\n} entities[] = {")
line = "\t"
for name, where in zip(names, places):
    codes = [ord(code) for code in html5[name + ";"]] + [0]
    entry = "{%d, %d, 0x%X, 0x%X}, " % (where, name in html5, codes[0], codes[1])
    if len(line) + len(entry) > 118:
        print(line.rstrip())
        line = "\t"
    line += entry
print(line.rstrip())
print("};")
