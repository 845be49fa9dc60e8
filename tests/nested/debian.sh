# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian packages of any suite, without touching the system: private package
# lists under $cache/apt/SUITE, packages unpacked where the caller says.
# Sourced by assets.sh and scripts/sysroot.sh, which define $cache, say() and
# die(). $debian_arch, amd64 when unset, is the packages' architecture; lists of
# another one lie under $cache/apt/SUITE-ARCH.
#
# Signatures are checked by apt with the Debian archive keyring. The mirror is
# the one the machine itself uses, found by asking apt where it would update
# from; that works before the machine's first update, too.

: "${cache:?}"
: "${debian_arch:=amd64}"

debian_lists() {
    local suffix=-$debian_arch
    echo "$cache/apt/$1${suffix%-amd64}"
}

debian_mirror() {
    apt-get --print-uris -o Dir::State::lists="$cache/apt/none" update 2>/dev/null |
        sed -n "s|^'\([^']*/debian/\)dists/.*|\1|p" | sed -n 1p
}

# debian_apt SUITE TOOL ARGUMENT...: an apt tool that knows only SUITE.
debian_apt() {
    APT_CONFIG=$(debian_lists "$1")/apt.conf "${@:2}"
}

# debian_update SUITE: (re)fetches the suite's lists.
debian_update() {
    local suite=$1 root mirror
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg

    root=$(debian_lists "$suite")
    [[ -e $keyring ]] || die "no $keyring: install debian-archive-keyring"
    mirror=$(debian_mirror)
    [[ $mirror ]] || die "apt's sources name no Debian mirror (a URI ending in /debian/)"

    mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/empty"
    echo "deb [arch=$debian_arch signed-by=$keyring] $mirror $suite main" >"$root/sources.list"
    # The sandbox user could not write into a home directory; apt's hooks are
    # for the system's own lists.
    cat >"$root/apt.conf" <<EOF
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke;
APT::Architecture "$debian_arch";
APT::Architectures "$debian_arch";
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::Etc::SourceList "$root/sources.list";
Dir::Etc::SourceParts "$root/empty";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$root/empty";
Dir::State::Lists "$root/lists";
Dir::State::Status "/dev/null";
Dir::Cache "$root";
EOF
    say "fetching the package lists of Debian $suite"
    debian_apt "$suite" apt-get -qq update >&2 || die "no package lists for Debian $suite"
    touch "$root/ready"
}

# debian_lists_of_today SUITE: fetches them when they are older. One caller at a time.
debian_lists_of_today() {
    local root
    root=$(debian_lists "$1")
    mkdir -p "$(dirname "$root")"
    exec 8>"$root.lock"
    flock 8
    if [[ ! $(find "$root/ready" -mtime -1 2>/dev/null) ]]; then
        debian_update "$1"
    fi
    exec 8>&-
}

# debian_field SUITE PACKAGE FIELD: of the package's newest version.
debian_field() {
    debian_apt "$1" apt-cache show "$2" 2>/dev/null |
        sed -n "1,/^\$/s/^$3: //p"
}

# debian_depends SUITE PACKAGE PATTERN: those dependencies, one a line.
debian_depends() {
    debian_field "$1" "$2" Depends | tr -s ',| ' '\n' | grep -E "^($3)\$" || true
}

# debian_pin SUITE PACKAGE: prints PACKAGE=VERSION.
debian_pin() {
    local version
    version=$(debian_field "$1" "$2" Version)
    [[ $version ]] || die "Debian $1 has no package $2"
    echo "$2=$version"
}

# debian_unpack SUITE DIR PACKAGE=VERSION...
debian_unpack() {
    local suite=$1 dir=$2 deb debs
    debs=$(mktemp -d "$dir/debs.XXXXXX")
    (cd "$debs" && debian_apt "$suite" apt-get -qq download "${@:3}" >&2)
    for deb in "$debs"/*.deb; do
        dpkg-deb -x "$deb" "$dir"
    done
    rm -r "$debs"
}
