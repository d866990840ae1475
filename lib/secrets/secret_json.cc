#include "lib/secrets/secret_json.h"

#include <openssl/mem.h>

namespace deps {
namespace {

void WipeValue(json::Value* value) {
  Wipe(&value->text);
  for (json::Value& item : value->items) WipeValue(&item);
  for (auto& [name, member] : value->members) WipeValue(&member);
}

}  // namespace

void Wipe(std::string* text) {
  OPENSSL_cleanse(text->data(), text->size());
  text->clear();
}

SecretJson::~SecretJson() { WipeValue(&value_); }

const json::Value* SecretJson::At(const std::vector<std::string_view>& path) const {
  const json::Value* value = &value_;
  for (const std::string_view step : path) {
    if (value != nullptr) value = value->Find(step);
  }
  return value;
}

}  // namespace deps
