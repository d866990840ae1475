#include "lib/relocate/watcher.h"

namespace deps {

Watcher& Nobody() {
  static Watcher watcher;
  return watcher;
}

}  // namespace deps
