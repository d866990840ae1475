// Documents that hold secrets: overwritten when they go.
#ifndef DEPS_LIB_SECRETS_SECRET_JSON_H_
#define DEPS_LIB_SECRETS_SECRET_JSON_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/json/json.h"

namespace deps {

// A parsed document whose texts are overwritten when it goes.
class SecretJson {
 public:
  SecretJson() = default;
  explicit SecretJson(json::Value value) : value_(std::move(value)) {}
  SecretJson(SecretJson&&) = default;
  SecretJson& operator=(SecretJson&&) = default;
  ~SecretJson();
  // The member at `path`, or nullptr.
  const json::Value* At(const std::vector<std::string_view>& path) const;

 private:
  json::Value value_;
};

// Overwrites a text's bytes before it goes.
void Wipe(std::string* text);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_SECRET_JSON_H_
