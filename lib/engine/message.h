// What messages of both sides begin with. Private to this package.
#ifndef DEPS_LIB_ENGINE_MESSAGE_H_
#define DEPS_LIB_ENGINE_MESSAGE_H_

#include <string>
#include <string_view>

#include "lib/engine/messages.h"
#include "lib/json/json.h"

namespace deps {

struct VerbNames {
  std::string_view verb;
  std::string_view request;   // The kind of the message.
  std::string_view response;  // The same.
};

const VerbNames& NamesOf(EngineVerb verb);

json::Value NewMessage(std::string_view kind);

// A message as it goes over the wire.
std::string Line(const json::Value& message);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_MESSAGE_H_
