// Which threads go first where there are not enough processors.
#ifndef DEPS_LIB_BASE_PRIORITY_H_
#define DEPS_LIB_BASE_PRIORITY_H_

namespace deps {

// The calling thread, and those that it starts from now on, let all others go
// first, with a nice value of 10 (a tenth of another one's share). A thread that
// gives way already stays as it is, and there is no way back: setpriority(2) lets
// only root raise a priority.
void GiveWay();

}  // namespace deps

#endif  // DEPS_LIB_BASE_PRIORITY_H_
