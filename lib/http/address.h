// How far away an address is: what a registry may lead a client to.
#ifndef DEPS_LIB_HTTP_ADDRESS_H_
#define DEPS_LIB_HTTP_ADDRESS_H_

#include <string>
#include <string_view>

namespace deps::http {

// From the farthest to the nearest.
enum class AddressSpace {
  kPublic,
  kPrivate,    // Of a site: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7.
  kLoopback,   // Of this machine: 127/8, ::1, and 0/8 and ::, which lead to it.
  kLinkLocal,  // 169.254/16 and fe80::/10, where clouds keep what only a machine may know.
};

// Of an address of IPv4 or IPv6 as text, without brackets; public where it is
// none. IPv6 addresses that stand for one of IPv4 are what that is.
AddressSpace SpaceOf(const std::string& address);

// "link-local", for messages.
std::string_view NameOf(AddressSpace space);

}  // namespace deps::http

#endif  // DEPS_LIB_HTTP_ADDRESS_H_
