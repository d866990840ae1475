// What a registry asks for with 401: the challenges of WWW-Authenticate.
#ifndef DEPS_LIB_OCI_CHALLENGE_H_
#define DEPS_LIB_OCI_CHALLENGE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace deps {

struct Challenge {
  std::string scheme;                         // Lower case: "basic", "bearer", "negotiate".
  std::map<std::string, std::string> params;  // Names in lower case; the first of a name counts.
  bool operator==(const Challenge&) const = default;
};

// The challenges of one header value, which may hold several (RFC 9110, 11.6.1).
// What is malformed ends the list; at most 16 challenges of 32 parameters.
std::vector<Challenge> ParseChallenges(std::string_view header);

}  // namespace deps

#endif  // DEPS_LIB_OCI_CHALLENGE_H_
