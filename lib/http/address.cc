#include "lib/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace deps::http {
namespace {

AddressSpace SpaceOfV4(uint32_t address) {
  const auto in = [address](uint32_t network, int bits) {
    return address >> (32 - bits) == network >> (32 - bits);
  };
  if (in(0xa9fe0000, 16)) return AddressSpace::kLinkLocal;
  if (in(0x7f000000, 8) || in(0, 8)) return AddressSpace::kLoopback;
  const bool is_private =
      in(0x0a000000, 8) || in(0xac100000, 12) || in(0xc0a80000, 16) || in(0x64400000, 10);
  return is_private ? AddressSpace::kPrivate : AddressSpace::kPublic;
}

AddressSpace SpaceOfV6(const in6_addr& address) {
  const bool holds_v4 = IN6_IS_ADDR_V4MAPPED(&address) ||
                        (IN6_IS_ADDR_V4COMPAT(&address) && !IN6_IS_ADDR_LOOPBACK(&address));
  if (holds_v4) {
    uint32_t v4 = 0;
    std::memcpy(&v4, &address.s6_addr[12], sizeof(v4));
    return SpaceOfV4(ntohl(v4));
  }
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return AddressSpace::kLinkLocal;
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) {
    return AddressSpace::kLoopback;
  }
  return (address.s6_addr[0] & 0xfe) == 0xfc ? AddressSpace::kPrivate : AddressSpace::kPublic;
}

}  // namespace

AddressSpace SpaceOf(const std::string& address) {
  in_addr v4;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return SpaceOfV4(ntohl(v4.s_addr));
  in6_addr v6;
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) return SpaceOfV6(v6);
  return AddressSpace::kPublic;
}

std::string_view NameOf(AddressSpace space) {
  switch (space) {
    case AddressSpace::kPublic:
      return "public";
    case AddressSpace::kPrivate:
      return "private";
    case AddressSpace::kLoopback:
      return "loopback";
    case AddressSpace::kLinkLocal:
      return "link-local";
  }
  return "";
}

}  // namespace deps::http
