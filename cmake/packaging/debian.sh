#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The Debian source package of a commit. Upstream's tarball is what git archives, the rest is
# cmake/packaging/debian of the same commit, and times are the commit's: twice the same commit gives
# twice the same bytes.
set -euo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

usage() {
  cat <<'END'
Usage: bash cmake/packaging/debian.sh [options] [-- arguments of dpkg-buildpackage...]
Makes the Debian source package, for which git and dpkg-dev are needed.

  --build         then build it (which needs its Build-Depends), and run lintian where that is
  --commit C      of this commit (HEAD)
  --output D      into this folder (build/debian)
  --help          print this
END
}

build=0
commit=HEAD
output=
while (($# > 0)); do
  case $1 in
    --commit | --output)
      (($# >= 2)) || fail "$1 needs a value"
      if [[ $1 == --commit ]]; then commit=$2; else output=$2; fi
      shift
      ;;
    --build) build=1 ;;
    --help)
      usage
      exit 0
      ;;
    --)
      shift
      break
      ;;
    *) fail "what is '$1'? Try --help" ;;
  esac
  shift
done
((build || $# == 0)) || fail "arguments of dpkg-buildpackage, and no --build"
for each in git dpkg-source dpkg-parsechangelog; do
  command -v "$each" >/dev/null || fail "there is no $each. As root: apt-get install git dpkg-dev"
done
[[ $(git -C "$root" rev-parse --show-toplevel 2>/dev/null) -ef $root ]] ||
  fail "$root is no git checkout"
commit=$(git -C "$root" rev-parse --verify --quiet "$commit^{commit}") ||
  fail "there is no such commit"
output=${output:-$root/build/debian}
mkdir -p "$output"
output=$(cd "$output" && pwd)

umask 022
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH

packaging=cmake/packaging/debian
git -C "$root" cat-file -e "$commit:$packaging/changelog" 2>/dev/null ||
  fail "commit $commit has no $packaging"
git -C "$root" show "$commit:$packaging/changelog" >"$output/changelog"
version=$(dpkg-parsechangelog -l "$output/changelog" -S Version)
rm "$output/changelog"
upstream=${version%-*}

step "source: parley $version of commit $commit, in $output"
tree=$output/parley-$upstream
rm -rf "$tree" "$output"/parley_"$version"*
git -C "$root" -c tar.umask=0022 archive --format=tar --prefix="parley-$upstream/" "$commit" |
  gzip -9n >"$output/parley_$upstream.orig.tar.gz"
tar -C "$output" -xzf "$output/parley_$upstream.orig.tar.gz"
cp -R "$tree/$packaging" "$tree/debian"
(cd "$output" && quietly "$output/source.log" dpkg-source --build "parley-$upstream")
((build)) || exit 0

# Some Debian releases build one after the other where nothing is said.
if [[ ${DEB_BUILD_OPTIONS:-} != *parallel=* ]]; then
  jobs=$(default_jobs)
  export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:+$DEB_BUILD_OPTIONS }parallel=$jobs"
fi
step "build: DEB_BUILD_OPTIONS='$DEB_BUILD_OPTIONS', log in $output/build.log"
cd "$tree"
quietly "$output/build.log" dpkg-buildpackage -us -uc -b "$@"
cd "$output"
if command -v lintian >/dev/null; then
  step "lintian: every error and warning"
  lintian --fail-on error,warning "parley_${version}_$(dpkg --print-architecture).changes"
fi
step "built: $(find . -maxdepth 1 -name '*.deb' -printf '%f\n' | sort | paste -sd ' ')"
