#ifndef DEPS_LIB_BASE_STATUS_MACROS_H_
#define DEPS_LIB_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function where `expression` is not OK.
#define DEPS_RETURN_IF_ERROR(expression)                              \
  do {                                                                \
    if (absl::Status deps_status = (expression); !deps_status.ok()) { \
      return deps_status;                                             \
    }                                                                 \
  } while (false)

// Evaluates an absl::StatusOr and either returns its error from the enclosing
// function or moves its value into `declaration`:
//
//   DEPS_ASSIGN_OR_RETURN(const Graph graph, ParseGraph(source));
#define DEPS_ASSIGN_OR_RETURN(declaration, expression) \
  DEPS_ASSIGN_OR_RETURN_IMPL(DEPS_CONCAT(deps_result_, __LINE__), declaration, expression)

#define DEPS_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  declaration = *std::move(result)

#define DEPS_CONCAT_IMPL(a, b) a##b
#define DEPS_CONCAT(a, b) DEPS_CONCAT_IMPL(a, b)

#endif  // DEPS_LIB_BASE_STATUS_MACROS_H_
