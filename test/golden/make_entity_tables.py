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
 * The named character references of the HTML standard (https://html.spec.whatwg.org/multipage/named-characters.html),
 * in the order of strcmp; as part of source code under the BSD 3-Clause Licence:
 *
 * Copyright (c) WHATWG (Apple, Google, Mozilla, Microsoft). All rights reserved.
 *
 * Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 * following conditions are met:
 * 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
 *    disclaimer.
 * 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
 *    disclaimer in the documentation and/or other materials provided with the distribution.
 * 3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products
 *    derived from this software without specific prior written permission.
 *
 * THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
 * INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 * DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
 * SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
 * LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN
 * CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
 * SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
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
