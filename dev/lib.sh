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
# What nobody has used for so many days goes.
UNUSED_DAYS=30

say() {
	printf '[%4ds] %s\n' $(($(date +%s) - KVBLADE_T0)) "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Neither mount nor Kbuild can do with them, which would show after minutes only.
case $SRC in
*[[:space:]:]*) die "$SRC: the path of the checkout has a blank or a colon, which Kbuild cannot do with: clone it elsewhere" ;;
esac
case $CACHE in
*[[:space:]:]*) die "$CACHE: the path of the cache has a blank or a colon, which Kbuild cannot do with: set KVBLADE_CACHE to another" ;;
esac

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root: it mounts, enters a Debian root and installs packages"
}

# Any number of runs use a cache at the same time, from any number of checkouts. What set-up makes is
# never changed and has the key of its recipe in its name; what is built is changed under a lock of
# its own. Each run holds the cache as long as it lives, and only who has it alone removes things.

# hold: nobody cleans the cache as long as this process, or one that it has started, runs.
# The kernel of the run stays the same as well, whatever the others set up.
hold() {
	[ "${KVBLADE_HELD:-}" != "$CACHE" ] || return 0
	while
		mkdir -p "$CACHE"
		exec 8>>"$CACHE/use.lock"
		if ! flock -sn 8; then
			say "the cache is being cleaned, waiting for that" >&2
			flock -s 8
		fi
		# The lock may have gone with the cache.
		! [ /dev/fd/8 -ef "$CACHE/use.lock" ]
	do :; done
	export KVBLADE_HELD=$CACHE
	KVBLADE_STOCK=$(stock_kernel)
	[ -z "$KVBLADE_STOCK" ] || export KVBLADE_STOCK
	KVBLADE_NEWEST=$(newest_kernel)
	[ -z "$KVBLADE_NEWEST" ] || export KVBLADE_NEWEST
}

# hold_alone: nobody else uses the cache from here on.
hold_alone() {
	[ "${KVBLADE_HELD:-}" != "$CACHE" ] || die "this run uses the cache itself"
	exec 8>>"$CACHE/use.lock"
	if ! flock -n 8; then
		say "other runs use the cache, waiting for their end"
		flock 8
	fi
}

# one_setup: there is one set-up of the cache at a time, of whatever part of it.
one_setup() {
	hold
	[ "${KVBLADE_SETUP:-}" != "$CACHE" ] || return 0
	exec 9>>"$CACHE/lock"
	if ! flock -n 9; then
		say "another set-up is running, waiting for it" >&2
		flock 9
	fi
	export KVBLADE_SETUP=$CACHE
}

# used PATH...: they were used today.
used() {
	touch -c -- "$@" 2>/dev/null || true
}

# Removes what nobody has used for long, but nothing of this checkout.
tidy() {
	local rel mine
	mine=("$(tools_dir)" "$(guest_image)" "$CACHE"/*-"$(checkout)"*)
	while read -r rel; do
		mine+=("$(kernel_dir "$rel")" "$(overlay_dir "$rel")" "$(guest_modules "$rel")" "$(machine_dir "$rel")" "$(diskless_dir "$rel")")
	done < <(cat "$CACHE"/kernel-release* 2>/dev/null)
	used "${mine[@]}"
	find "$CACHE"/{tools,guest,machine,diskless,kernel,build,deb,cargo-target}-* \
		"$CACHE"/kernel-*/{overlay,guest,modules}* \
		-maxdepth 0 ! -name 'kernel-release*' -mtime "+$UNUSED_DAYS" -exec rm -rf {} + 2>/dev/null || true
}

# The words of a list file, without its comments.
words() {
	sed 's/#.*//' "$@" | tr -s ' \t\n' '\n' | sed '/^$/d'
}

# The series of kernels that the module is tested with.
tested_series() {
	words "$SRC/dev/kernel-series"
}

# is_tested RELEASE: whether it is of such a series.
is_tested() {
	local major minor
	IFS=.-+ read -r major minor _ <<<"$1"
	tested_series | grep -qxF "$major.$minor"
}

# Those of them that the stock kernel is not of: the module is built for each.
other_series() {
	local stock
	stock=$(stock_kernel)
	tested_series | while read -r series; do
		[[ $stock == "$series".* ]] || echo "$series"
	done
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

# The stock kernel that set-up has recorded, if any; a run that is under way keeps its own.
stock_kernel() {
	if [ -n "${KVBLADE_STOCK:-}" ]; then
		echo "$KVBLADE_STOCK"
	else
		cat "$CACHE/kernel-release" 2>/dev/null || true
	fi
}

# Whether KERNEL names a series, as 7.2, and not one of its releases.
is_series() {
	[[ ${KERNEL:-} =~ ^[0-9]+\.[0-9]+$ ]]
}

# The file with the release that was the newest of KERNEL, a series, when set-up looked.
series_record() {
	echo "$CACHE/kernel-release-$KERNEL"
}

# That release, if any, with the series before it; a run that is under way keeps its own.
newest_kernel() {
	is_series || return 0
	if [[ ${KVBLADE_NEWEST:-} == "$KERNEL "* ]]; then
		echo "$KVBLADE_NEWEST"
	else
		sed "s/^/$KERNEL /" "$(series_record)" 2>/dev/null || true
	fi
}

# The kernel that everything is built for: the release that the user asked for, or the newest one of
# the series that he asked for, else the one that set-up recorded, or with KERNEL=debug that one's
# debug build, with KERNEL=rt its real-time flavour.
kernel_release() {
	local stock newest
	if is_series; then
		newest=$(newest_kernel)
		[ -n "$newest" ] || die "no kernel $KERNEL is set up yet: run make setup KERNEL=$KERNEL"
		echo "${newest#* }"
		return
	fi
	stock=$(stock_kernel)
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

# A stock kernel is what its packages hold; a debug kernel has a recipe: its configuration, its source,
# and the compilers that there are.
kernel_dir() {
	local stock=${1%-debug}
	if [ "$1" = "$stock" ]; then
		echo "$CACHE/kernel-$1"
	else
		echo "$CACHE/kernel-$1-$(key "$SRC/dev/debug.config" "$SRC/dev/setup-debug" \
			<(
				cat "$(kernel_dir "$stock")/version" 2>/dev/null
				compilers
			))"
	fi
}

# The compilers of a debug kernel, as the tools root has them.
compilers() {
	sed -nE '/^Package: (clang|rustc|bindgen)(-[0-9]+)?$/,/^$/s/^(Package|Version): //p' \
		"$(KERNEL=debug tools_dir)/var/lib/dpkg/status" 2>/dev/null || true
}

# The headers of a kernel with the Rust metadata beside them, to build against: keyed by how it was made.
overlay_dir() {
	case $1 in
	*-debug) echo "$(kernel_dir "$1")/overlay" ;;
	*) echo "$(kernel_dir "$1")/overlay-$(key "$SRC/dev/setup-kernel" "$SRC/dev/rust-overlay")" ;;
	esac
}

# Modules for guests: a small tree that depmod passes in no time.
guest_modules() {
	echo "$(kernel_dir "$1")/modules-$(key "$SRC/dev/guest.modules" "$SRC/dev/setup-kernel")"
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

# The machine that boots without a disk.
diskless_dir() {
	echo "$CACHE/diskless-$1-$(key "$SRC/dev/diskless.packages" "$SRC/dev/setup-diskless")"
}

# The package with the source of a kernel.
source_package() {
	local major minor
	IFS=. read -r major minor _ <<<"$1"
	echo "linux-source-$major.$minor"
}

# Packages, one folder per checkout, and one in it for each state of its sources.
deb_dir() {
	echo "$CACHE/deb-$(checkout)"
}

# forget_old PATH...: removes all but the three newest, unless someone has locked them.
forget_old() {
	local old
	find "$@" -maxdepth 0 -printf '%T@ %p\n' | sort -rn | tail -n +4 | while read -r _ old; do
		flock -n "$old" rm -rf "$old" || true
	done
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
	# Set-up of another cache may do the same.
	(
		flock 7
		command -v mmdebstrap >/dev/null && exit
		say "installing mmdebstrap with apt-get"
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mmdebstrap
	) 7</var/lib/dpkg
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

case ${0##*/} in
setup-*) one_setup ;;
esac
