#include "lib/draw/graphviz.h"

#include <dlfcn.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/draw/measure.h"

namespace deps {
namespace {

constexpr double kPixelsPerInch = 72;
constexpr double kMargin = 16;

// The part of Graphviz's interface that is used, as <graphviz/gvc.h> has it.
struct Agraph;
struct Gvc;
struct Symbol {
  const char* name;
  void* address;
};

struct Library {
  Gvc* (*new_context)(const Symbol*, int) = nullptr;
  int (*free_context)(Gvc*) = nullptr;
  int (*lay_out)(Gvc*, Agraph*, const char*) = nullptr;
  int (*free_layout)(Gvc*, Agraph*) = nullptr;
  int (*render)(Gvc*, Agraph*, const char*, char**, unsigned*) = nullptr;
  void (*free_rendered)(char*) = nullptr;
  Agraph* (*read)(const char*) = nullptr;
  int (*close)(Agraph*) = nullptr;
  int (*(*set_error_writer)(int (*)(char*)))(char*) = nullptr;
  void* dot_layout = nullptr;
  void* core = nullptr;
};

template <typename Function>
bool Find(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  return *out != nullptr;
}

// Plug-ins lie in a folder of their own beside the library.
void* FindPlugin(void* in_library, std::string_view name) {
  Dl_info info;
  if (dladdr(in_library, &info) == 0) return nullptr;
  const std::string_view path = info.dli_fname;
  const std::string_view folder = path.substr(0, path.rfind('/') + 1);
  const std::string file = absl::StrCat(folder, "graphviz/libgvplugin_", name, ".so.6");
  void* const plugin = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) return nullptr;
  return dlsym(plugin, absl::StrCat("gvplugin_", name, "_LTX_library").c_str());
}

std::optional<Library> Load() {
  void* const gvc = dlopen("libgvc.so.6", RTLD_NOW | RTLD_LOCAL);
  void* const cgraph = dlopen("libcgraph.so.6", RTLD_NOW | RTLD_LOCAL);
  if (gvc == nullptr || cgraph == nullptr) return std::nullopt;
  Library library;
  const bool complete =
      Find(gvc, "gvContextPlugins", &library.new_context) &&
      Find(gvc, "gvFreeContext", &library.free_context) &&
      Find(gvc, "gvLayout", &library.lay_out) && Find(gvc, "gvFreeLayout", &library.free_layout) &&
      Find(gvc, "gvRenderData", &library.render) &&
      Find(gvc, "gvFreeRenderData", &library.free_rendered) &&
      Find(cgraph, "agmemread", &library.read) && Find(cgraph, "agclose", &library.close) &&
      Find(cgraph, "agseterrf", &library.set_error_writer);
  if (!complete) return std::nullopt;
  library.dot_layout = FindPlugin(reinterpret_cast<void*>(library.lay_out), "dot_layout");
  library.core = FindPlugin(reinterpret_cast<void*>(library.lay_out), "core");
  if (library.dot_layout == nullptr || library.core == nullptr) return std::nullopt;
  library.set_error_writer([](char*) { return 0; });
  return library;
}

// Boxes of fixed size and labels of the length of ours: what is written in
// them is not Graphviz's business. The color of an edge is its number.
std::string Question(const Layout& layout) {
  std::string text =
      "digraph g {\nrankdir=LR; nodesep=0.22; ranksep=0.75; nslimit=4; nslimit1=4; mclimit=0.5;\n"
      "node [shape=box, fixedsize=true, label=\"\"];\n"
      "edge [arrowhead=none, fontname=Helvetica, fontsize=11];\n";
  for (size_t i = 0; i < layout.boxes.size(); ++i) {
    absl::StrAppend(&text, "n", i, " [width=", layout.boxes[i].width / kPixelsPerInch,
                    ", height=", layout.boxes[i].height / kPixelsPerInch, "];\n");
  }
  for (size_t i = 0; i < layout.lines.size(); ++i) {
    const Line& line = layout.lines[i];
    absl::StrAppend(&text, "n", line.from, " -> n", line.to, " [color=e", i);
    // A digit is 0.56 of the size in Graphviz's own table of widths.
    const size_t digits = static_cast<size_t>(TextWidth(line.label, 1) / 0.56) + 2;
    if (!line.label.empty()) absl::StrAppend(&text, ", label=\"", std::string(digits, '0'), "\"");
    absl::StrAppend(&text, line.dashed ? ", weight=0" : "", "];\n");
  }
  return text + "}\n";
}

std::optional<std::string> Ask(const Library& library, const std::string& question) {
  const Symbol plugins[] = {{"gvplugin_dot_layout_LTX_library", library.dot_layout},
                            {"gvplugin_core_LTX_library", library.core},
                            {nullptr, nullptr}};
  Gvc* const context = library.new_context(plugins, /*demand_loading=*/0);
  if (context == nullptr) return std::nullopt;
  std::optional<std::string> answer;
  if (Agraph* const graph = library.read(question.c_str())) {
    if (library.lay_out(context, graph, "dot") == 0) {
      char* data = nullptr;
      unsigned size = 0;
      if (library.render(context, graph, "plain", &data, &size) == 0 && data != nullptr) {
        answer = std::string(data, size);
        library.free_rendered(data);
      }
      library.free_layout(context, graph);
    }
    library.close(graph);
  }
  library.free_context(context);
  return answer;
}

// Reads the format "plain": a line for each node and edge, in inches, upwards.
class AnswerReader {
 public:
  explicit AnswerReader(Layout* layout) : layout_(*layout), seen_(layout->lines.size(), false) {}

  bool Read(std::string_view answer) {
    size_t nodes = 0, edges = 0;
    for (const std::string_view row : absl::StrSplit(answer, '\n')) {
      words_ = absl::StrSplit(row, ' ', absl::SkipEmpty());
      if (words_.empty()) continue;
      bool good = true;
      if (words_[0] == "graph") {
        good = ReadSize();
      } else if (words_[0] == "node") {
        good = ReadNode();
        ++nodes;
      } else if (words_[0] == "edge") {
        good = ReadEdge();
        ++edges;
      }
      if (!good) return false;
    }
    return nodes == layout_.boxes.size() && edges == layout_.lines.size();
  }

 private:
  bool Number(size_t word, double* out) {
    if (word >= words_.size() || !absl::SimpleAtod(words_[word], out)) return false;
    *out *= kPixelsPerInch;
    return true;
  }

  bool PointAt(size_t word, Point* out) {
    if (!Number(word, &out->x) || !Number(word + 1, &out->y)) return false;
    out->x += kMargin;
    out->y = top_ - out->y + kMargin;
    return true;
  }

  bool ReadSize() {
    if (!Number(2, &layout_.width) || !Number(3, &layout_.height)) return false;
    top_ = layout_.height;
    layout_.width += 2 * kMargin;
    layout_.height += 2 * kMargin;
    return true;
  }

  bool Index(std::string_view word, std::string_view prefix, size_t count, size_t* out) {
    return absl::ConsumePrefix(&word, prefix) && absl::SimpleAtoi(word, out) && *out < count;
  }

  bool ReadNode() {
    size_t index = 0;
    Point middle;
    if (words_.size() < 4 || !Index(words_[1], "n", layout_.boxes.size(), &index) ||
        !PointAt(2, &middle)) {
      return false;
    }
    Box& box = layout_.boxes[index];
    box.x = middle.x - box.width / 2;
    box.y = middle.y - box.height / 2;
    return true;
  }

  bool ReadEdge() {
    size_t index = 0, count = 0;
    if (words_.size() < 6 || !Index(words_.back(), "e", layout_.lines.size(), &index) ||
        !absl::SimpleAtoi(words_[3], &count) || words_.size() < 4 + 2 * count || seen_[index]) {
      return false;
    }
    seen_[index] = true;
    Line& line = layout_.lines[index];
    line.points.resize(count);
    for (size_t i = 0; i < count; ++i) {
      if (!PointAt(4 + 2 * i, &line.points[i])) return false;
    }
    return line.label.empty() || PointAt(words_.size() - 4, &line.label_at);
  }

  Layout& layout_;
  std::vector<bool> seen_;
  std::vector<std::string_view> words_;
  double top_ = 0;
};

}  // namespace

bool PlaceWithGraphviz(Layout* layout) {
  static const std::optional<Library> library = Load();
  if (!library) return false;
  const std::optional<std::string> answer = Ask(*library, Question(*layout));
  if (!answer) return false;
  Layout placed = *layout;
  if (!AnswerReader(&placed).Read(*answer)) return false;
  *layout = std::move(placed);
  return true;
}

}  // namespace deps
