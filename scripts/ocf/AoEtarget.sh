# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
# Functions of the resource agent ocf:kvblade:AoEtarget: the files of /sys/kvblade, what clients set and how
# it is kept, and whether the disk answers. The agent sets $kvblade, $address, $kept, $files, $reading and
# $patience, and includes ocf-shellfuncs.
# shellcheck disable=SC2154

# put FILE TEXT: writes it, or sets $why. All are builtins: the module keeps the reason for the
# process that wrote.
put() {
	why=
	printf '%s\n' "$2" 2>/dev/null >"$kvblade/$1" && return
	read -r why 2>/dev/null <"$kvblade/error"
	: "${why:=$1: cannot be written}"
	return 1
}

# ports: the folders of the address, whichever interfaces they are for.
ports() {
	for folder in "$kvblade/$address@"*; do
		[ ! -d "$folder" ] || echo "${folder##*/}"
	done
}

# word FILE: its first line.
word() {
	first=
	[ ! -r "$1" ] || read -r first 2>/dev/null <"$1"
	echo "$first"
}

# What clients set: the config string as bytes \xNN, the mask list and the reservation.

# list FILE: its addresses, with commas between them. What cannot be read is no empty list.
list() {
	text=$(cat "$1") || return
	printf '%s' "$text" | tr -s '[:space:]' ',' | sed 's/^,//; s/,$//'
}

# bytes FILE: as \xNN.
bytes() {
	text=$(od -An -v -tx1 "$1") || return
	printf '%s' "$text" | tr -d '\n' | sed 's/ /\\x/g'
}

set_by_clients() {
	folder=$(ports | head -n 1)
	[ -n "$folder" ] || return
	folder=$kvblade/$folder
	config=$(bytes "$folder/config_raw") && mask=$(list "$folder/mask") &&
		reserve=$(list "$folder/reserve") || return
	printf 'config=%s\nmask=%s\nreserve=%s\n' "$config" "$mask" "$reserve"
}

# keep: keeps it, if it has changed, or sets $why. A monitor and the keeper may both be at it.
keep() {
	[ -n "$OCF_RESKEY_state_dir" ] || return 0
	why=$( (flock -w 5 9 && keep_alone || echo "$kept: cannot be written") 9>"$files.lock")
	[ -z "$why" ]
}

keep_alone() {
	now=$(set_by_clients 2>/dev/null) || {
		echo "what clients have set cannot be read"
		return 0
	}
	[ ! -r "$kept" ] || [ "$now" != "$(cat "$kept")" ] || return 0
	# Whole or not at all, whenever the power goes.
	printf '%s\n' "$now" 2>/dev/null >"$kept.new" && sync "$kept.new" && mv "$kept.new" "$kept" &&
		sync "$OCF_RESKEY_state_dir"
}

# The keeper is a process of its own that keeps it as soon as clients set it.

# keeps: whether it is there.
keeps() {
	pid=$(word "$files.keeper")
	[ -n "$pid" ] && [ "$(word "/proc/$pid/comm")" = "${0##*/}" ]
}

begin_to_keep() {
	[ -n "$OCF_RESKEY_state_dir" ] && ! keeps || return 0
	setsid "$0" keeper </dev/null >/dev/null 2>&1 &
	echo $! >"$files.keeper"
}

end_keeping() {
	keeps || return 0
	kill -- "-$pid"
	tenths=0
	while kill -0 -- "-$pid" 2>/dev/null && [ $tenths -lt 50 ]; do
		tenths=$((tenths + 1))
		sleep 0.1
	done
	rm -f "$files.keeper"
}

keeper() {
	kvctl watch "$(ports | head -n 1)" config_raw mask reserve | while read -r _; do
		keep
	done
}

# restore: sets $settings to the options of kvadd that bring it back, or $why.
restore() {
	settings=
	[ -n "$OCF_RESKEY_state_dir" ] || return 0
	why="state_dir $OCF_RESKEY_state_dir: no such directory on this node; is its file system mounted?"
	[ -d "$OCF_RESKEY_state_dir" ] || return
	if [ ! -e "$kept" ]; then
		ocf_log info "$address: nothing is kept in $OCF_RESKEY_state_dir yet"
		return 0
	fi
	why="$kept: cannot be read, or is not what this agent has written; clients that are excluded there would be let in"
	seen=
	while IFS= read -r line; do
		case $line in
		config=*[!\\0-9a-fx]* | mask=*[!0-9a-f:,]* | reserve=*[!0-9a-f:,]*) return 1 ;;
		config=* | mask=* | reserve=*) settings="$settings $line" ;;
		*) return 1 ;;
		esac
		seen=$seen,${line%%=*}
	done <"$kept"
	[ "$seen" = ,config,mask,reserve ]
}

# Monitor.

# disk_answers: whether a read of the disk ends. One that hangs cannot be ended, so none is begun
# beside it.
disk_answers() {
	if [ -d "/proc/$(word "$reading")" ] && [ "$(word "/proc/$(word "$reading")/comm")" = dd ]; then
		ocf_exit_reason "%s" "$OCF_RESKEY_device: a read of an earlier monitor has not ended"
		return 1
	fi
	dd if="$OCF_RESKEY_device" of=/dev/null bs=512 count=1 iflag=direct >/dev/null 2>&1 &
	echo $! >"$reading"
	tenths=0
	while kill -0 $! 2>/dev/null; do
		tenths=$((tenths + 1))
		if [ $tenths -gt "$patience" ]; then
			ocf_exit_reason "%s" "$OCF_RESKEY_device: a read has not ended after $((patience / 10)) seconds"
			return 1
		fi
		sleep 0.1
	done
	rm -f "$reading"
	wait $! && return
	ocf_exit_reason "%s" "$OCF_RESKEY_device: cannot be read"
	return 1
}

# same_disk FOLDER: whether it exports the device, as far as that is there.
same_disk() {
	hex=$(stat -Lc '%t %T' -- "$OCF_RESKEY_device" 2>/dev/null) || return 0
	[ "$(word "$1/bdev")" = "$((0x${hex% *})):$((0x${hex#* }))" ]
}
