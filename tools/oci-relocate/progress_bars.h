// Transfers as bars on a terminal, or as lines elsewhere.
#ifndef DEPS_TOOLS_OCI_RELOCATE_PROGRESS_BARS_H_
#define DEPS_TOOLS_OCI_RELOCATE_PROGRESS_BARS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/relocate/watcher.h"

namespace deps {

// "1.5 GiB", "12 KiB"
std::string ShortSize(int64_t bytes);

// Of standard error; 80 where nobody knows.
size_t ColumnsOfTerminal();

// On a terminal, once a second has gone by: a line for each transfer and one for
// all with rate and time left, drawn again in place ten times a second and gone at the end.
class ProgressBars : public Watcher {
 public:
  // What bars are drawn on; without `err` there are none.
  struct Screen {
    std::ostream* err = nullptr;
    std::function<absl::Time()> now = absl::Now;
    std::function<size_t()> columns = ColumnsOfTerminal;
  };

  // `say` prints a whole line.
  ProgressBars(Screen screen, std::function<void(std::string_view)> say);
  ~ProgressBars() override;
  ProgressBars(const ProgressBars&) = delete;
  ProgressBars& operator=(const ProgressBars&) = delete;

  void Say(std::string_view text) override;
  void Expect(int64_t bytes) override;
  void Skip(int64_t bytes) override;
  void Begin(const std::string& name, int64_t size) override;
  void Advance(const std::string& name, int64_t bytes) override;
  void End(const std::string& name) override;
  // Takes the bars away.
  void Clear();

 private:
  struct Bar {
    int64_t size = 0;
    int64_t done = 0;
  };

  void Draw();
  void Erase();
  std::string Line(std::string_view name, int64_t done, int64_t size) const;
  std::string TotalLine(absl::Time now) const;

  const Screen screen_;
  const std::function<void(std::string_view)> say_;
  std::mutex mutex_;
  std::map<std::string, Bar> bars_;
  int64_t expected_ = 0;
  int64_t done_ = 0;
  int drawn_ = 0;  // Lines that are on the screen.
  absl::Time began_ = absl::InfiniteFuture();
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace deps

#endif  // DEPS_TOOLS_OCI_RELOCATE_PROGRESS_BARS_H_
