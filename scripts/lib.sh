# shellcheck shell=bash
# lib.sh: what the scripts share. Sourced, not run: packages, the server to build against, a private server to work on.
#
# A script that sources this file stands in the project's directory afterwards (it was called from CALLER_DIR), with
# PG_CONFIG exported once install_packages has run.

# shellcheck disable=SC2034
CALLER_DIR=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
umask 022
# What the caller's environment says about some other server is not about ours.
unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGDATA PGSERVICE PGPASSWORD

say() {
	printf '%s\n' "== $*"
}

die() {
	printf '%s\n' "$(basename "$0"): $*" >&2
	exit 1
}

# The comment that a script opens with.
usage() {
	sed -n '2,/^set /s/^# \{0,1\}//p' "scripts/$(basename "$0")"
	exit "${1:-2}"
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		command -v sudo > /dev/null || die "this step needs root or sudo: $*"
		sudo "$@"
	fi
}

# ---- packages ----

installed() {
	dpkg-query -W -f='${db:Status-Status}\n' "$1" 2> /dev/null | grep -qx installed
}

available() {
	apt-cache show "$1" > /dev/null 2>&1
}

# The newest PostgreSQL that has both a server and what extensions are built with; then the newest that has a server.
pg_version() {
	local version
	[ -d /usr/lib/postgresql ] || return 0
	for version in $(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -rn); do
		if [ -x "/usr/lib/postgresql/$version/bin/postgres" ] && installed "postgresql-server-dev-$version"; then
			printf '%s\n' "$version"
			return
		fi
	done
	find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -name postgres | cut -d/ -f5 | sort -rn | head -n 1
}

# Its pg_config, or nothing where no PostgreSQL is installed.
newest_pg_config() {
	local version
	version=$(pg_version)
	[ -z "$version" ] || printf '/usr/lib/postgresql/%s/bin/pg_config\n' "$version"
}

# The distribution's own: what its package "postgresql" stands for.
pg_version_offered() {
	apt-cache depends postgresql 2> /dev/null | sed -n 's/^ *Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
}

apt_update() {
	say "updating the package lists"
	as_root apt-get update -q -q
}

# Installs what is missing to build, test and fetch models, and exports PG_CONFIG. With nothing missing it asks nobody.
install_packages() {
	local version='' package updated=0 wanted missing=()
	command -v apt-get > /dev/null || die "packages are installed with apt-get, which is not here; see README.md for what is needed"
	if [ -z "${PG_CONFIG:-}" ]; then
		version=$(pg_version)
		if [ -z "$version" ]; then
			apt_update
			updated=1
			version=$(pg_version_offered)
			[ -n "$version" ] || die "the package postgresql is not offered by this system"
		fi
		PG_CONFIG=/usr/lib/postgresql/$version/bin/pg_config
		wanted="postgresql-$version postgresql-server-dev-$version"
	fi
	wanted="${wanted:-} build-essential libopenblas-dev libutf8proc-dev libicu-dev libstemmer-dev libjansson-dev libmd-dev python3 ca-certificates"
	wanted="$wanted libipc-run-perl shellcheck util-linux passwd"
	has_pip || wanted="$wanted python3-pip"
	for package in $wanted; do
		installed "$package" || missing+=("$package")
	done
	# Not every system has these: the Makefile takes the shared OpenBLAS where there is no serial one, and without pg_cron its
	# test says that it is not there.
	for package in libopenblas-serial-dev ${version:+"postgresql-$version-cron"}; do
		if installed "$package"; then
			continue
		fi
		if [ "$updated" -eq 0 ] && ! available "$package"; then
			apt_update
			updated=1
		fi
		if available "$package"; then
			missing+=("$package")
		fi
	done
	if [ "${#missing[@]}" -gt 0 ]; then
		[ "$updated" -eq 1 ] || apt_update
		say "installing ${missing[*]}"
		mkdir -p build
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -q -y --no-install-recommends "${missing[@]}" \
			> build/apt.log 2>&1 < /dev/null || {
			cat build/apt.log >&2
			die "the packages could not be installed"
		}
	fi
	[ -x "$PG_CONFIG" ] || die "there is no $PG_CONFIG"
	export PG_CONFIG
}

has_pip() {
	python3 -m pip --version > /dev/null 2>&1
}

# ---- building ----

# Builds with the given make arguments, quietly: make's words are shown where it fails. Objects of the extension do not know
# which headers they were made from, so they are made anew when one of those has changed.
build() {
	mkdir -p build
	if [ ! -e build/.built ] || find Makefile src -newer build/.built -type f ! -name '*.o' ! -name '*.c' | grep -q .; then
		find src -name '*.o' -delete
	fi
	touch build/.built
	if ! make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" "$@" > build/make.log 2>&1; then
		cat build/make.log >&2
		rm -f build/.built
		return 1
	fi
}

install_extension() {
	as_root make -s PG_CONFIG="$PG_CONFIG" install > build/install.log 2>&1 || {
		cat build/install.log >&2
		return 1
	}
}

model_dir() {
	printf '%s/usercluster\n' "$("$PG_CONFIG" --sharedir)"
}

# A command that writes into a directory: root is asked for only where that is not ours.
write_into() {
	local directory=$1
	shift
	if [ ! -w "$directory" ] && { [ -e "$directory" ] || [ ! -w "$(dirname "$directory")" ]; }; then
		as_root "$@"
	else
		"$@"
	fi
}

# place FILE DIRECTORY NAME: a copy of the file, by rename, since servers have models mapped.
place() {
	local copy=$2/.$3.$$
	write_into "$2" mkdir -p "$2"
	write_into "$2" cp "$1" "$copy"
	write_into "$2" mv "$copy" "$2/$3"
}

# ---- a private server ----
#
# PostgreSQL refuses to run as root: there it runs as a system user of its own, otherwise as whoever runs the script. Its
# files lie under /var/tmp, since that user may be unable to read the project's directory. It listens on a socket in a
# directory that only its user and root can enter, and nowhere else.

SYSTEM_USER=usercluster

server_user() {
	if [ "$(id -u)" -eq 0 ]; then
		getent passwd "$SYSTEM_USER" > /dev/null ||
			useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SYSTEM_USER"
		printf '%s\n' "$SYSTEM_USER"
	else
		id -un
	fi
}

as_server_user() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && runuser -u "$SYSTEM_USER" -- env HOME="$STATE" "$@")
	else
		(cd / && "$@")
	fi
}

# Sets STATE, SERVER_DIR and what psql needs to find the server of that name.
server_named() {
	local user uid
	user=$(server_user)
	uid=$(id -u "$user")
	STATE=/var/tmp/usercluster-$uid
	if [ ! -e "$STATE" ]; then
		mkdir -m 700 "$STATE"
		chown "$user" "$STATE"
	fi
	# Anyone may create names in /var/tmp: what lies there is used only if it is ours.
	if [ -L "$STATE" ] || [ ! -d "$STATE" ] || [ "$(stat -c '%u %a' "$STATE")" != "$uid 700" ]; then
		die "$STATE is not a directory that belongs to $user alone; remove it"
	fi
	SERVER_DIR=$STATE/$1
	export PGHOST=$SERVER_DIR PGPORT=5432 PGUSER=postgres PGDATABASE=${2:-postgres} PGCLIENTENCODING=UTF8
	PG_BIN=$("$PG_CONFIG" --bindir)
}

server_runs() {
	as_server_user "$PG_BIN/pg_ctl" -s -D "$SERVER_DIR/data" status > /dev/null 2>&1
}

# Starts it unless it runs; makes its data directory unless a server of the same version made it.
server_start() {
	local version
	version=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	if server_runs; then
		return
	fi
	if ! as_server_user grep -qsx "$version" "$SERVER_DIR/data/PG_VERSION" || ! as_server_user test -e "$SERVER_DIR/complete"; then
		as_server_user rm -rf "$SERVER_DIR"
		as_server_user mkdir -m 700 "$SERVER_DIR"
		as_server_user "$PG_BIN/initdb" -D "$SERVER_DIR/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync > /dev/null
		as_server_user tee -a "$SERVER_DIR/data/postgresql.conf" > /dev/null <<- END
			listen_addresses = ''
			port = $PGPORT
			unix_socket_directories = '$SERVER_DIR'
		END
		as_server_user touch "$SERVER_DIR/complete"
	fi
	if ! as_server_user "$PG_BIN/pg_ctl" -s -w -D "$SERVER_DIR/data" -l "$SERVER_DIR/log" start < /dev/null > /dev/null 2>&1; then
		as_server_user tail -n 20 "$SERVER_DIR/log" >&2
		die "the private server did not start"
	fi
}

server_stop() {
	if server_runs; then
		as_server_user "$PG_BIN/pg_ctl" -s -w -m fast -D "$SERVER_DIR/data" stop
	fi
}

server_remove() {
	server_stop
	as_server_user rm -rf "$SERVER_DIR"
}
