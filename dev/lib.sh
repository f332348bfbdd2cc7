# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Common to the scripts of dev/: where things are, and how progress is told.

set -euo pipefail

SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=$(realpath -m "${KVBLADE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kvblade_rs}")
SUITE=trixie
FLAVOUR=amd64
RUFF=0.17.6
KVBLADE_T0=${KVBLADE_T0:-$(date +%s)}
export KVBLADE_CACHE=$CACHE KVBLADE_T0

say() {
	printf '[%4ds] %s\n' $(($(date +%s) - KVBLADE_T0)) "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root: it mounts, enters a Debian root and installs packages"
}

# The words of a list file, without its comments.
words() {
	sed 's/#.*//' "$@" | tr -s ' \t\n' '\n' | sed '/^$/d'
}

# A short key over the contents of files and over words.
key() {
	{
		printf '%s\n' "$SUITE" "$FLAVOUR" "$RUFF"
		cat "$@"
	} | sha256sum | cut -c1-12
}

# step NAME TEXT COMMAND...: runs a long step with its output in a log file, which is shown when the step fails.
step() {
	local text=$2 log=$CACHE/log/$1.log pid beat=0 begin
	shift 2
	mkdir -p "$CACHE/log"
	begin=$(date +%s)
	say "$text ..."
	"$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		beat=$((beat + 1))
		[ $((beat % 100)) -ne 0 ] || say "$text: still working, $(($(date +%s) - begin)) s"
	done
	if ! wait "$pid"; then
		say "$text: failed. The end of $log:"
		tail -n 40 "$log" >&2
		return 1
	fi
	say "$text: done in $(($(date +%s) - begin)) s"
}

# What the tools root holds. For the debug kernel it is a root of its own, so that nobody else
# pays for a second compiler.
tools_packages() {
	words "$SRC/dev/tools.packages"
	case ${KERNEL:-} in
	debug | *-debug) words "$SRC/dev/debug.packages" ;;
	esac
}

tools_dir() {
	echo "$CACHE/tools-$(key <(tools_packages) "$SRC/dev/setup-tools")"
}

guest_image() {
	echo "$CACHE/guest-$(key "$SRC/dev/guest.packages" "$SRC/dev/setup-guest").img"
}

# The kernel that everything is built for: the release that the user asked for, else the one that
# set-up recorded, or with KERNEL=debug that one's debug build, with KERNEL=rt its real-time flavour.
kernel_release() {
	local stock
	stock=$(cat "$CACHE/kernel-release" 2>/dev/null || true)
	case ${KERNEL:-} in
	'' | debug | rt) [ -n "$stock" ] || die "no kernel is set up yet: run make setup" ;;
	esac
	case ${KERNEL:-} in
	'') echo "$stock" ;;
	debug) echo "$stock-debug" ;;
	rt) echo "${stock%-"$FLAVOUR"}-rt-$FLAVOUR" ;;
	*) echo "$KERNEL" ;;
	esac
}

kernel_dir() {
	echo "$CACHE/kernel-$1"
}

# How the Rust metadata of a kernel was made.
rust_recipe() {
	key "$SRC/dev/setup-kernel" "$SRC/dev/rust-overlay"
}

# Modules for guests: a small tree that depmod passes in no time.
guest_modules() {
	echo "$CACHE/kernel-$1/guest-$(key "$SRC/dev/guest.modules" "$SRC/dev/setup-kernel")"
}

# A short key for this checkout: several of them can share a cache.
checkout() {
	printf '%s' "$SRC" | sha256sum | cut -c1-8
}

# One output folder per checkout and kernel.
build_dir() {
	echo "$CACHE/build-$(checkout)-$1"
}

# The machine on which our packages are tested.
machine_dir() {
	echo "$CACHE/machine-$1-$(key "$SRC/dev/machine.packages" "$SRC/dev/setup-machine")"
}

# The package with the source of a kernel.
source_package() {
	local major minor
	IFS=. read -r major minor _ <<<"$1"
	echo "linux-source-$major.$minor"
}

# Packages, one folder per checkout.
deb_dir() {
	echo "$CACHE/deb-$(checkout)"
}

# The machine's own package mirror, if its apt knows one; the bootstrap tool has a default.
mirror() {
	if [ -n "${KVBLADE_MIRROR:-}" ]; then
		echo "$KVBLADE_MIRROR"
	elif command -v apt-get >/dev/null; then
		# shellcheck disable=SC2016
		apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
			awk -F'|' '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
	fi
}

# A hook of the bootstrap tool: the mirror's backports come second, and only what is asked for by
# name is taken from there.
# shellcheck disable=SC2016,SC2034
BACKPORTS='sed -n "s/^deb \(.*\) '$SUITE' .*/deb \1 '$SUITE'-backports main/p" "$1/etc/apt/sources.list" > "$1/etc/apt/sources.list.d/backports.list"'

# bootstrap DIR PACKAGE-LIST [OPTION...]: a minimal Debian root with the listed packages.
bootstrap() {
	local dir=$1 list=$2 uri proxy args=()
	shift 2
	if ! command -v mmdebstrap >/dev/null; then
		say "installing mmdebstrap with apt-get"
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mmdebstrap
	fi
	uri=$(mirror)
	for scheme in http https; do
		proxy=$(apt-config dump --format '%v' "Acquire::$scheme::Proxy" 2>/dev/null || true)
		[ -z "$proxy" ] || args+=(--aptopt="Acquire::$scheme::Proxy \"$proxy\"")
	done
	# Not needed by anybody here, and slow to write.
	for path in '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' '/usr/share/info/*'; do
		args+=(--dpkgopt="path-exclude=$path")
	done
	mmdebstrap --mode=root --variant=minbase --architectures=amd64 --format=directory \
		--aptopt='Acquire::Retries "3"' --aptopt='Acquire::Languages "none"' \
		--include="$(words "$list" | paste -sd,)" "${args[@]}" "$@" "$SUITE" "$dir" ${uri:+"$uri"}
}
