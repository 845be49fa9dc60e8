# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The root of tools, and a repository with a few commits: the file system tests themselves, whose
# program the guest builds.
tools=$("$nested/assets.sh" guest-tools/root)
root=$work/tools
cp -a "$tools" "$root"
cp "$("$nested/assets.sh" busybox)" "$root/bin/busybox"
for applet in sh cat rm cp mkdir wc ls; do ln -s busybox "$root/bin/$applet"; done
tar -C "$root" -cf "$t/tools.tar" .

repository() {
    local file
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=host
    export GIT_AUTHOR_EMAIL=host@host GIT_COMMITTER_NAME=host GIT_COMMITTER_EMAIL=host@host
    git init -q -b main "$work/repo"
    cd "$work/repo"
    mkdir -p tests/guest/fs
    for file in "$top"/tests/guest/fs/*.[ch]; do
        cp "$file" tests/guest/fs/
        git add .
        git commit -q -m "${file##*/}"
    done
    cat >Makefile <<'EOF'
OBJS := $(patsubst tests/guest/fs/%.c,%.o,$(wildcard tests/guest/fs/*.c))
fstest: $(OBJS)
	$(CC) -o $@ $(OBJS)
%.o: tests/guest/fs/%.c
	$(CC) -D_GNU_SOURCE -I. -c -o $@ $<
EOF
    printf '%s\n' fstest '*.o' >.gitignore
    echo "a line of the host" >notes
    git add .
    git commit -q -m "how to build it"
    # Pushed, not cloned: a file holds the branch, not packed-refs.
    git init -q --bare -b main "$work/origin/origin.git"
    git push -q "$work/origin/origin.git" main
    tar -C "$work/origin" -cf "$t/origin.tar" .
}
(repository)
