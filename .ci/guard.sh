# shellcheck shell=sh
# guard.sh: how a guard works. Each file in guards/ defines
#
#   offences     prints a line for each thing wrong in the tree it stands in, nothing where all is well
#   bad_sample   writes a tree with offences into the directory it stands in
#
# and ends with `guard N`: first the bad sample must show exactly N offences, then the project must show none. Prints
# TAP-like lines; exits non-zero when one is "not ok".

set -u
LC_ALL=C.UTF-8
export LC_ALL
guard_file=$(realpath "$0")
project=$(dirname "$(dirname "$(dirname "$guard_file")")")

# Files of the tree, one a line: what git knows and does not ignore; everything in a tree without git.
files() {
	if [ -e .git ] && git -c safe.directory='*' ls-files --cached --others --exclude-standard 2> /dev/null | grep -q .; then
		git -c safe.directory='*' ls-files --cached --others --exclude-standard | while IFS= read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done
	else
		find . -type f -not -path './.git/*' -not -path './build/*' -not -path './tmp_check/*' -not -path './results/*' \
			-not -path './output_iso/*' -not -name '*.o' -not -name '*.so' -not -name usercluster-model -not -name '*.diffs' -printf '%P\n'
	fi | sort
}

# write PATH: standard input becomes that file
write() {
	mkdir -p "$(dirname "$1")"
	cat > "$1"
}

guard() {
	guard_name=$(basename "$guard_file")
	guard_status=0
	guard_tree=$(mktemp -d)
	trap 'rm -rf "$guard_tree"' EXIT
	guard_found=$(cd "$guard_tree" && bad_sample && offences 2>&1)
	if [ "$(printf '%s\n' "$guard_found" | grep -c .)" -eq "$1" ]; then
		echo "ok - $guard_name: finds the $1 offences of its bad sample"
	else
		echo "not ok - $guard_name: must find $1 offences in its bad sample, found:"
		printf '%s\n' "$guard_found" | sed 's/^/# /'
		guard_status=1
	fi
	guard_found=$(cd "$project" && offences 2>&1)
	if [ -z "$guard_found" ]; then
		echo "ok - $guard_name"
	else
		echo "not ok - $guard_name"
		printf '%s\n' "$guard_found" | sed 's/^/# /'
		guard_status=1
	fi
	exit $guard_status
}
