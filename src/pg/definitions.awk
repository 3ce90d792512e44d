# definitions.awk: from the install scripts, what the library's functions look like in SQL, as definition.c compares it with
# the catalogue: symbol, kind and strictness as in pg_proc, the types of the arguments, and of the result or its columns.
# Types by their names in pg_type.

function type_name(words,	type, array)
{
	sub(/[ \t]+$/, "", words)
	type = words
	sub(/.*[ \t]/, "", type)
	gsub(/"/, "", type)
	sub(/.*\./, "", type)
	array = sub(/\[\]$/, "", type) ? "_" : ""
	type = tolower(type)
	return array (type in names ? names[type] : type)
}

# Splits the list that opens at text[start] = "(" at its commas into items[1..]; sets list_end to its ")".
function split_list(text, start, items,	i, c, depth, quoted, count, item)
{
	count = 0
	for (i = start; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "'")
			quoted = !quoted
		if (!quoted && c == "(" && depth++ == 0)
			continue
		if (!quoted && (c == ")" && --depth == 0 || c == "," && depth == 1)) {
			if (item ~ /[^ \t]/)
				items[++count] = item
			item = ""
			if (c == ")")
				break
		} else
			item = item c
	}
	list_end = i
	return count
}

function define(text,	count, items, i, item, mode, in_types, out_types, rest, symbol, set, procedure)
{
	procedure = text ~ /^CREATE PROCEDURE/
	count = split_list(text, index(text, "("), items)
	rest = substr(text, list_end + 1)
	for (i = 1; i <= count; i++) {
		item = items[i]
		sub(/[ \t]DEFAULT[ \t].*/, "", item)
		sub(/^[ \t]+/, "", item)
		mode = item ~ /^(IN|OUT|INOUT|VARIADIC)[ \t]/ ? item : "IN"
		sub(/[ \t].*/, "", mode)
		if (mode != "OUT")
			in_types = in_types " " type_name(item)
		if (mode == "OUT" || mode == "INOUT")
			out_types = out_types " " type_name(item)
	}
	set = rest ~ /RETURNS (SETOF|TABLE)/ ? " set" : ""
	if (match(rest, /RETURNS TABLE/)) {
		count = split_list(rest, RSTART, items)
		for (i = 1; i <= count; i++)
			out_types = out_types " " type_name(items[i])
	} else if (out_types == "" && match(rest, /RETURNS (SETOF )?("?[a-z_0-9@."]+( precision)?(\[\])?)/))
		out_types = " " type_name(substr(rest, RSTART, RLENGTH))
	if (procedure && out_types == "")
		out_types = " void"
	match(rest, /MODULE_PATHNAME', *'[a-z_0-9]+/)
	symbol = substr(rest, RSTART, RLENGTH)
	sub(/.*'/, "", symbol)
	printf "\t{\"%s\", '%s', %s, \"%s\", \"%s\"},\n", symbol, procedure ? "p" : rest ~ /[ \t]WINDOW[ \t]/ ? "w" : "f",
		rest ~ /[ \t]STRICT[ \t]/ ? "true" : "false", substr(in_types, 2), substr(set out_types, 2)
}

BEGIN {
	split("int integer bigint smallint real precision boolean", long)
	split("int4 int4 int8 int2 float4 float8 bool", short)
	for (i in long)
		names[long[i]] = short[i]
}
/^CREATE (FUNCTION|PROCEDURE)/ {
	statement = ""
	reading = 1
}
reading {
	statement = statement " " $0
}
reading && /;[ \t]*$/ {
	reading = 0
	if (statement ~ /'MODULE_PATHNAME'/) {
		sub(/^ /, "", statement)
		define(statement)
	}
}
