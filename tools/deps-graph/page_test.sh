#!/bin/bash
#
# The page of a graph in Chromium: it is folded and searched by a script, as a
# person would.
# Usage: page_test.sh DEPS_GRAPH

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh
graph=$PWD/$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# shop needs web and db, and web needs the same db.
jq -n '
  def bundle($name; $requires): {reference: "example.com/\($name):v1.0.0", bundle: {schemaVersion: "1.2.0",
    name: $name, version: "1.0.0", invocationImages: [],
    custom: {"org.getporter.dependencies@v2": {requires: $requires}}}};
  def need($name): {($name): {bundle: "example.com/\($name):v1.0.0"}};
  {apiVersion: "cnab-deps/v1", kind: "Index",
   bundles: [bundle("shop"; need("web") + need("db")), bundle("web"; need("db")), bundle("db"; {})]}' >index.json
"$graph" --offline --index index.json --format html -o page.html example.com/shop:v1.0.0 || exit 1

cat >script.html <<'SCRIPT'
<script>
const rows = () => [...document.querySelectorAll("[role=treeitem]")];
const seen = () => rows().filter(row => !row.hidden).length;
const say = text => { document.body.insertAdjacentHTML("beforeend", `<p class="told">${text}</p>`); };
const search = text => {
  const field = document.querySelector("input");
  field.value = text;
  field.dispatchEvent(new Event("input"));
  return document.querySelectorAll(".node.found").length;
};
say("rows " + seen());
document.getElementById("fold").click();
say("folded " + seen());
document.getElementById("unfold").click();
say("unfolded " + seen());
say("db " + search("db") + ", of example.com " + search("example.com") + ", nothing " + search("nosuch"));
</script>
SCRIPT
sed -i -e '/<\/body>/{r script.html' -e 'N}' page.html
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --virtual-time-budget=2000 \
  --dump-dom "file://$work/page.html" >dom.html 2>chromium.log
# Not the script's own text.
grep -o '<p class="told">[^$<][^<]*' dom.html | sed 's/.*>//' >told
cat >expected <<'TOLD'
rows 4
folded 3
unfolded 4
db 1, of example.com 3, nothing 0
TOLD
if diff -u expected told >why; then
  report_pass 'the page is folded and searched'
else
  cat chromium.log >>why
  report_fail 'the page is folded and searched' why
fi
report_end page
