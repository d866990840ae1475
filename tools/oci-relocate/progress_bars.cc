#include "tools/oci-relocate/progress_bars.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace deps {
namespace {

constexpr absl::Duration kBefore = absl::Seconds(1);
constexpr absl::Duration kBetween = absl::Milliseconds(100);
constexpr size_t kMostBars = 8;

std::string BarOf(int64_t done, int64_t size, int width) {
  const double part =
      size > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(size), 0.0, 1.0) : 1.0;
  const int full = static_cast<int>(part * width);
  return absl::StrCat("[", std::string(static_cast<size_t>(full), '='),
                      std::string(static_cast<size_t>(width - full), ' '), "] ",
                      absl::StrFormat("%3d%%", static_cast<int>(part * 100)));
}

// "REPOSITORY@sha256:0123…" -> "REPOSITORY@0123456789ab": what tells blobs apart
// is the beginning of their digests, and it fits.
std::string ShortName(std::string_view name) {
  constexpr size_t kDigits = 12;
  const size_t at = name.rfind('@');
  const size_t colon = at == std::string_view::npos ? at : name.find(':', at);
  if (colon == std::string_view::npos) return std::string(name);
  return absl::StrCat(name.substr(0, at + 1), name.substr(colon + 1, kDigits));
}

}  // namespace

size_t ColumnsOfTerminal() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  return known ? size.ws_col : 80;
}

std::string ShortSize(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || size >= 10 ? 0 : 1;
  return absl::StrFormat("%.*f %s", decimals, size, kUnits[unit]);
}

ProgressBars::ProgressBars(Screen screen, std::function<void(std::string_view)> say)
    : screen_(std::move(screen)), say_(std::move(say)) {}

ProgressBars::~ProgressBars() { Clear(); }

void ProgressBars::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Erase();
}

void ProgressBars::Say(std::string_view text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Erase();
  say_(text);
}

void ProgressBars::Expect(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (began_ == absl::InfiniteFuture()) began_ = screen_.now();
  expected_ += bytes;
}

void ProgressBars::Skip(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  expected_ = std::max(expected_ - bytes, int64_t{0});
}

void ProgressBars::Begin(const std::string& name, int64_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  bars_[name] = {.size = size};
}

void ProgressBars::Advance(const std::string& name, int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  bars_[name].done += bytes;
  done_ += bytes;
  Draw();
}

void ProgressBars::End(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  bars_.erase(name);
}

std::string ProgressBars::Line(std::string_view name, int64_t done, int64_t size) const {
  const size_t columns = screen_.columns();
  // Where there is little room, what the total line says counts more.
  const int width = columns < 100 ? 12 : 24;
  // All sizes get as much room as the longest, so that bars stand below each other.
  const std::string numbers =
      absl::StrFormat("%s  %8s of %8s", BarOf(done, size, width), ShortSize(done), ShortSize(size));
  const size_t room = columns > numbers.size() + 4 ? columns - numbers.size() - 4 : 0;
  const std::string_view shown = name.substr(name.size() - std::min(name.size(), room));
  return absl::StrCat(shown, std::string(room - shown.size(), ' '), "  ", numbers);
}

std::string ProgressBars::TotalLine(absl::Time now) const {
  const double seconds = std::max(absl::ToDoubleSeconds(now - began_), 0.001);
  const double rate = static_cast<double>(done_) / seconds;
  const int64_t left = std::max(expected_ - done_, int64_t{0});
  const int64_t time = rate > 0 ? static_cast<int64_t>(static_cast<double>(left) / rate) : 0;
  const std::string end =
      absl::StrCat("all, ", ShortSize(static_cast<int64_t>(rate)), "/s, ",
                   time > 0 ? absl::FormatDuration(absl::Seconds(time)) : "0s", " left");
  return Line(end, done_, expected_);
}

void ProgressBars::Draw() {
  const absl::Time now = screen_.now();
  if (screen_.err == nullptr || now - began_ < kBefore || now - last_ < kBetween) return;
  last_ = now;
  Erase();
  for (const auto& [name, bar] : bars_) {
    if (drawn_ >= static_cast<int>(kMostBars)) break;
    *screen_.err << Line(ShortName(name), bar.done, bar.size) << "\n";
    ++drawn_;
  }
  *screen_.err << TotalLine(now) << "\n" << std::flush;
  ++drawn_;
}

void ProgressBars::Erase() {
  if (screen_.err == nullptr || drawn_ == 0) return;
  // Up, to the first column, and everything below goes.
  *screen_.err << "\x1b[" << drawn_ << "A\r\x1b[J" << std::flush;
  drawn_ = 0;
}

}  // namespace deps
