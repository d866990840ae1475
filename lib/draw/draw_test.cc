#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/draw/picture.h"

namespace deps {
namespace {

// Everything that one of the formats could take for its own.
constexpr char kHostile[] = "a\"\\\n</script><b>&#amp;]]>\x1b[2J";

Picture Hostile() {
  return {.title = kHostile,
          .summary = kHostile,
          .notes = {kHostile},
          .nodes = {{.id = kHostile,
                     .title = kHostile,
                     .subtitle = kHostile,
                     .note = kHostile,
                     .group = kHostile,
                     .facts = {{kHostile, kHostile}}},
                    {.id = "b", .title = "b"}},
          .edges = {{.from = 0, .to = 1, .name = kHostile, .label = kHostile},
                    {.from = 0, .to = 1, .name = kHostile, .label = kHostile, .dashed = true}},
          .line_meaning = kHostile,
          .dashed_meaning = kHostile};
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(FormatDot, QuotesWhatItIsGiven) {
  EXPECT_EQ(FormatDot({.title = "t\"",
                       .notes = {"two\nlines"},
                       .nodes = {{.id = "a\"",
                                  .title = "A\\",
                                  .subtitle = "s\n1",
                                  .note = "n",
                                  .kind = PictureNode::Kind::kStart},
                                 {.id = "b", .kind = PictureNode::Kind::kOpen}},
                       .edges = {{.from = 0, .to = 1, .label = ">=1"},
                                 {.from = 1, .to = 0, .dashed = true}}}),
            "digraph \"t\\\"\" {\n  rankdir=LR;\n"
            "  node [shape=box, style=rounded, fontname=\"Helvetica\"];\n"
            "  edge [fontname=\"Helvetica\", fontsize=10];\n"
            "  // two lines\n"
            "  \"a\\\"\" [label=\"A\\\\\\ns 1\\nn\", penwidth=2];\n"
            "  \"b\" [label=\"\", style=\"rounded,dashed\"];\n"
            "  \"a\\\"\" -> \"b\" [label=\">=1\"];\n"
            "  \"b\" -> \"a\\\"\" [label=\"\", style=dashed];\n}\n");
}

TEST(FormatMermaid, QuotesWhatItIsGiven) {
  EXPECT_EQ(FormatMermaid({.nodes = {{.id = "a",
                                      .title = "<A>#\"",
                                      .subtitle = "s&",
                                      .kind = PictureNode::Kind::kReused},
                                     {.id = "b", .title = "B"}},
                           .edges = {{.from = 0, .to = 1, .label = ">=1"},
                                     {.from = 1, .to = 0, .dashed = true}}}),
            "flowchart LR\n  n0[\"&lt;A&gt;&num;&quot;<br/>s&amp;\"]:::reused\n  n1[\"B\"]\n"
            "  n0 -->|\"&gt;=1\"| n1\n  n1 -.-> n0\n  classDef reused stroke:#2e7d32\n");
}

TEST(FormatSvg, IsWellFormedWhateverItIsGiven) {
  const std::string svg = FormatSvg(Hostile());
  EXPECT_FALSE(absl::StrContains(svg, "<b>"));
  EXPECT_FALSE(absl::StrContains(svg, "</script>"));
  EXPECT_FALSE(absl::StrContains(svg, "\x1b"));
  EXPECT_EQ(CountOf(svg, "<g class=\"node"), 2u);
  EXPECT_EQ(CountOf(svg, "<g class=\"line"), 2u);
  EXPECT_EQ(CountOf(svg, "<g"), CountOf(svg, "</g>"));
}

TEST(FormatSvg, DrawsTheSameTwice) { EXPECT_EQ(FormatSvg(Hostile()), FormatSvg(Hostile())); }

TEST(FormatSvg, JoinsDashedLinesBetweenTheSameNodes) {
  Picture picture = {.nodes = {{.id = "a"}, {.id = "b"}}};
  for (const char* label : {"one", "two"}) {
    picture.edges.push_back({.from = 0, .to = 1, .label = label, .dashed = true});
  }
  const std::string svg = FormatSvg(picture);
  EXPECT_EQ(CountOf(svg, "class=\"line dashed\""), 1u);
  EXPECT_TRUE(absl::StrContains(svg, "one, ")) << svg;
}

TEST(FormatSvg, DrawsCirclesLoopsAndSingleNodes) {
  EXPECT_TRUE(absl::StrContains(FormatSvg({.nodes = {{.id = "a"}}}), "data-node=\"0\""));
  const std::string svg =
      FormatSvg({.nodes = {{.id = "a"}, {.id = "b"}},
                 .edges = {{.from = 0, .to = 1}, {.from = 1, .to = 0}, {.from = 0, .to = 0}}});
  EXPECT_EQ(CountOf(svg, "<g class=\"line"), 3u);
}

TEST(FormatSvg, DrawsLargePicturesInColumns) {
  Picture picture;
  for (size_t i = 0; i < 20000; ++i) {
    picture.nodes.push_back({.id = absl::StrCat(i), .title = "node"});
    if (i > 0) picture.edges.push_back({.from = (i - 1) / 3, .to = i});
  }
  const std::string svg = FormatSvg(picture);
  EXPECT_EQ(CountOf(svg, "<g class=\"node"), 20000u);
}

TEST(FormatHtml, HoldsNothingThatEndsItsElements) {
  const std::string page = FormatHtml(Hostile());
  EXPECT_EQ(CountOf(page, "</script>"), 2u);
  EXPECT_EQ(CountOf(page, "</style>"), 1u);
  EXPECT_FALSE(absl::StrContains(page, "<b>"));
  EXPECT_FALSE(absl::StrContains(page, "\x1b"));
}

TEST(FormatHtml, NeedsNoOtherFile) {
  const std::string page = FormatHtml(Hostile());
  for (const std::string_view part : {"src=", "href=", "@import", "url(", "fetch("}) {
    EXPECT_FALSE(absl::StrContains(page, part)) << part;
  }
}

TEST(FormatHtml, OutlinesWhatIsSharedOnce) {
  const std::string page = FormatHtml({.title = "t",
                                       .nodes = {{.id = "r", .title = "r"},
                                                 {.id = "a", .title = "a"},
                                                 {.id = "b", .title = "b"},
                                                 {.id = "c", .title = "c"}},
                                       .edges = {{.from = 0, .to = 2, .name = "second"},
                                                 {.from = 0, .to = 1, .name = "first"},
                                                 {.from = 1, .to = 3, .name = "deep"},
                                                 {.from = 2, .to = 3, .name = "again"},
                                                 {.from = 2, .to = 1, .dashed = true}}});
  std::vector<std::string> rows;
  constexpr std::string_view kRow = "<div role=\"treeitem\"";
  for (size_t at = page.find(kRow); at != std::string::npos; at = page.find(kRow, at + 1)) {
    const std::string row = page.substr(at, page.find('\n', at) - at);
    const size_t level = row.find("aria-level=\"") + 12;
    const size_t name = row.find("\"name\">") + 7;
    rows.push_back(absl::StrCat(row.substr(level, 1), " ",
                                row.substr(name, row.find('<', name) - name),
                                absl::StrContains(row, "aria-expanded") ? " +" : "",
                                absl::StrContains(row, "above") ? " again" : ""));
  }
  EXPECT_EQ(rows, (std::vector<std::string>{"1 r +", "2 first +", "3 deep", "2 second +",
                                            "3 again again"}));
}

}  // namespace
}  // namespace deps
