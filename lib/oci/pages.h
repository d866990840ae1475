// Lists that come in pages: the Link that leads from one to the next.
//
// Source: RFC 8288; distribution-spec 1.1, tags and referrers.
#ifndef DEPS_LIB_OCI_PAGES_H_
#define DEPS_LIB_OCI_PAGES_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/oci/session.h"

namespace deps {

class Pages {
 public:
  // `first` asks for the first page; `name` is what the list is called in messages.
  Pages(const Registry::Session& session, const Registry::Session::Call& first, std::string name);

  // Whether no page has been looked at yet.
  bool IsFirst() const { return pages_ == 0; }

  // Where the page after this one is; "" where it was the last. `had_any`: it held
  // an entry. Errors: registry-protocol (it leads to another host, or does not end).
  absl::StatusOr<std::string> Next(const http::Response& page, bool had_any);

 private:
  absl::Status Error(std::string_view what) const;

  const Endpoint endpoint_;
  const std::string name_;
  std::string url_;
  int pages_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_PAGES_H_
