# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by cli.sh: one run of tvm-run and what is to hold after it; hostile files.

# What every run may be given: a program around it, other standard input and output.
wrap=() in=/dev/null out=$work/out

result()	# NAME ok|anything
{
	nr=$((nr + 1))
	if [ "$2" = ok ]; then
		echo "ok $nr - $1"
		return
	fi
	failed=$((failed + 1))
	[ "$out" = "$work/out" ] || echo "# stdout: $out"
	echo "# status ${status-?}"
	head -n 5 "$work/err" | cut -c 1-300 | sed 's/^/# stderr: /'
	[ -z "${why-}" ] || echo "# $why"
	echo "not ok $nr - $1"
}

skip()		# NAME WHY
{
	nr=$((nr + 1))
	echo "ok $nr - $1 # SKIP $2"
}

finish()
{
	echo "1..$nr"
	exit $((failed > 0))
}

# The first question matters: the second one would make a file of that name.
kvm()
{
	[ -c /dev/kvm ] && (: <>/dev/kvm) 2>/dev/null
}

filler()	# N bytes
{
	printf 'x%.0s' $(seq "$1")
}

# Everything that a run could leave behind: files, here and where programs put them.
listing()
{
	(cd "$work" && find . ! -name err ! -name out ! -name session) | sort
	ls /dev/shm 2>/dev/null
}

# Run tvm-run in a session of its own, so that processes it leaves behind can be found.
run()
{
	listing >"$work/err"
	before=$(cat "$work/err")
	: >"$work/out"
	# shellcheck disable=SC2016
	timeout -k 5 30 setsid --wait sh -c 'echo $$ >"$0"; exec "$@"' "$work/session" \
		"${wrap[@]}" "$tvm" "$@" <"$in" >"$out" 2>"$work/err"
	status=$? why=
}

# Exactly one line, from tvm-run, which has the (basic regular) expression in it.
one_line()
{
	[ "$(wc -l <"$work/err")" = 1 ] && grep -q "^tvm-run: .*$1" "$work/err" &&
		[ -z "$(tail -c 1 "$work/err")" ]
}

# Nothing is left: prints what is.
leftovers()
{
	local pids

	pids=$(ps -o pid=,args= -s "$(cat "$work/session")")
	[ -z "$pids" ] || echo "left behind: $pids"
	[ "$(listing)" = "$before" ] || listing | diff - <(echo "$before") | head -n 3
}

bad()		# STATUS EXPRESSION NAME ARGUMENT...
{
	local wanted=$1 text=$2 name=$3

	shift 3
	run "$@"
	why=$(leftovers)
	[ ! -s "$work/out" ] || why="stdout: $(head -c 200 "$work/out")"
	[ $status = "$wanted" ] || why="the status should be $wanted"
	one_line "$text" || why="stderr should be one line with '$text'"
	result "$name: status $wanted, one line" "${why:-ok}"
}

# What tvm-run looks at only after /dev/kvm.
bad_with_kvm()	# as bad
{
	if kvm; then
		bad "$@"
	else
		skip "$3" "no usable /dev/kvm"
	fi
}

good()		# STATUS EXPRESSION NAME OUTPUT ARGUMENT...
{
	local wanted=$1 text=$2 name=$3 output=$4

	shift 4
	run "$@"
	why=$(leftovers)
	grep -q "$output" "$work/out" || why="stdout lacks '$output': $(head -c 200 "$work/out")"
	[ $status = "$wanted" ] || why="the status should be $wanted"
	one_line "$text" || why="stderr should be one line with '$text'"
	result "$name: status $wanted" "${why:-ok}"
}

# What may hold after a run with odd descriptors: a warning may come before the last line.
powered_off()
{
	tail -n 1 "$work/err" | grep -q 'powered off'
}

said_hello()
{
	grep -q '^hello' "$work/out"
}

ended()		# STATUS NAME CONDITION...
{
	local condition

	status=$1 why=
	[ "$status" = 0 ] || why="the status should be 0"
	for condition in "${@:3}"; do
		"$condition" || why="not $condition"
	done
	result "$2" "${why:-ok}"
}

json()		# STATUS EXPRESSION NAME TEXT
{
	printf '%s' "$4" >"$work/json"
	bad "$1" "$2" "JSON: $3" --config "$work/json"
}

run_signal()	# SIGNAL STATUS NAME CMDLINE
{
	local pid

	: >"$work/out"		# of the last guest, which said hello, too
	timeout -k 5 30 "$tvm" --kernel "$hello" --memory 16M --cmdline "$4" </dev/null \
		>"$work/out" 2>"$work/err" &
	pid=$!
	for _ in {1..200}; do
		! grep -q hello "$work/out" || break
		sleep 0.02
	done
	# timeout passes it on, but would call a TERM of its own a time-out: ask the child.
	kill -"$1" "$(ps -o pid= --ppid $pid)"
	wait $pid
	status=$?
	why="the status should be $2"
	[ $status != "$2" ] || why=
	one_line "SIG$1" || why="stderr should be one line with 'SIG$1'"
	result "$3: status $2" "${why:-ok}"
}

le()		# BYTES VALUE: to stdout, lowest byte first
{
	local i octal

	for ((i = 0; i < $1; i++)); do
		printf -v octal '\\%03o' $((($2 >> (8 * i)) & 255))
		# shellcheck disable=SC2059
		printf "$octal"
	done
}

# $work/elf: an ELF file of 8 KiB with these program headers.
elf()		# MACHINE ENTRY "TYPE OFFSET VADDR PADDR FILESZ MEMSZ"...
{
	local machine=$1 entry=$2 header field

	shift 2
	{
		printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0'
		le 2 2; le 2 "$machine"; le 4 1; le 8 "$entry"; le 8 64; le 8 0
		le 4 0; le 2 64; le 2 56; le 2 $#; le 2 64; le 2 0; le 2 0
		for header; do
			# shellcheck disable=SC2086
			set -- $header
			le 4 "$1"; le 4 7
			for field in "${@:2:5}"; do
				le 8 "$field"
			done
			le 8 4096
		done
	} >"$work/elf"
	truncate -s 8192 "$work/elf"
}
