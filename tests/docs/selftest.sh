#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# selftest.sh <root>: each check of the documents passes on this tree, and fails on a copy of it
# with one fault planted in it, naming the page and the line at fault.
root=${1:?the root of the tree}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tree=$folder/tree
mkdir -p "$tree"
cp -R "$root"/{README.md,docs,include,cmake,tests} "$tree"

planted=0
# fails <check> <what it says>: on the tree as it is now, which is then put right again.
fails() {
  local said
  planted=$((planted + 1))
  if said=$(bash "$docs/$1" "$tree" 2>&1); then
    complain "$1 passes, and should say: $2"
  elif [[ $said != *"$2"* ]]; then
    complain "$1 should say: $2, and says:" "$said"
  fi
  rm -rf "$tree/docs" "$tree/tests/docs" "$tree/README.md"
  cp -R "$root"/{README.md,docs} "$tree"
  cp -R "$root/tests/docs" "$tree/tests"
}
guide=$tree/docs/guide/new.md
lines=$(wc -l <"$root/README.md")

for check in blocks.sh guides.sh; do
  bash "$docs/$check" "$tree" >"$folder/said" || complain "$check: $(<"$folder/said")"
done

printf '# new\n\n```cpp\nno_such_function();\n```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this cpp block'
printf '# new\n\n```sh\nno-such-command --now\n```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this sh block'
printf '# new\n\n```json\n{"made":"up"}\n```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this json block'
printf '# new\n\n```python\nprint()\n```\n' >"$guide"
fails blocks.sh "docs/guide/new.md:3: nobody checks blocks of the language 'python'"
printf '# new\n\n```\nwhat\n```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: a block without a language'
printf '# new\n\n~~~cpp\nno_such_function();\n~~~\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this cpp block'
printf '# new\n\n- an item\n\n  ```cpp\n  no_such_function();\n  ```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:5: no test holds this cpp block'
printf '# new\n\ntext\n\n    no_such_function();\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:5: an indented block'
printf '# new\n\n```cpp\nno_such_function();\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: a fence that nothing ends'
# An empty block holds nothing, so nothing holds it.
printf '# new\n\n```cpp\n```\n' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this cpp block'
# Lines of a snippet in another order are not its code.
printf '# new\n\n```cpp\nif (!secret) return parley::failure{secret.error()};\n\n%s\n```\n' \
  'auto secret = webhook::secret::parse(text);  // "whsec_..."' >"$guide"
fails blocks.sh 'docs/guide/new.md:3: no test holds this cpp block'

sed -i 's/agent_dispatch_failed/agent_dispatch_fails/' "$tree/docs/guide/errors.md"
fails blocks.sh 'docs/guide/errors.md:'
printf '\n```json\n{"not":"what curl prints"}\n```\n' >>"$tree/README.md"
fails blocks.sh "README.md:$((lines + 2)): no test holds this json block"
sed -i 's/^TEST(Webhook/#if 0\n&/' "$tree/tests/docs/snippets/webhook.cpp"
fails blocks.sh 'tests/docs/snippets/webhook.cpp: parts of it are hidden from the compiler'
sed -i '/^parley_snippet(webhook/d' "$tree/tests/docs/CMakeLists.txt"
fails blocks.sh 'tests/docs/snippets/webhook.cpp: not listed'
echo 'README.md | no such block | none' >>"$tree/tests/docs/exceptions.txt"
fails blocks.sh "exceptions.txt: README.md has no block 'no such block'"

sed -i 's/^## Limits$/## Bounds/' "$tree/docs/guide/webhook.md"
fails guides.sh "docs/guide/webhook.md: no heading says 'limits'"
rm "$tree/docs/guide/core.md"
fails guides.sh 'docs/guide/core.md: there is none'
echo '# Lonely' >"$tree/docs/lonely.md"
fails guides.sh 'docs/README.md: no link to lonely.md'

# A threat without a test, and a test that is gone: held against a list of tests that has few.
ctest() { echo "Test #1: docs.Blocks"; }
export -f ctest
said=$(bash "$docs/named_tests.sh" "$root" ctest "$folder" 2>&1) || true
[[ $said == *'names docs.Rotation, and there is no such test'* ]] ||
  complain "named_tests.sh does not miss a test: $said"

echo "$planted faults"
exit "$failed"
