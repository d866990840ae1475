#include "lib/secrets/seal.h"

#include <fcntl.h>
#include <openssl/aead.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/secrets/private_folder.h"

namespace deps {
namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kNonceSize = 24;
constexpr size_t kTagSize = 16;
constexpr char kVersion1 = 1;

absl::Status KeyError(const std::string& path, std::string_view why) {
  return MakeError({.id = DiagnosticId::kSecretUnavailable,
                    .message = absl::StrCat("key file '", path, "': ", why)});
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// A key under a name of its own, complete before anyone sees it under `path`.
absl::Status CreateKeyFile(const std::string& path) {
  uint8_t key[kKeySize];
  uint8_t suffix[8];
  const absl::Cleanup wipe = [&] { OPENSSL_cleanse(key, sizeof(key)); };
  RAND_bytes(key, sizeof(key));
  RAND_bytes(suffix, sizeof(suffix));
  if (const int error = MakeFoldersAbove(path); error != 0) return KeyError(path, strerror(error));
  std::string temporary = absl::StrCat(path, ".");
  for (const uint8_t byte : suffix) absl::StrAppend(&temporary, absl::Hex(byte, absl::kZeroPad2));
  const int fd =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return KeyError(path, strerror(errno));
  const bool written =
      write(fd, key, sizeof(key)) == static_cast<ssize_t>(sizeof(key)) && fsync(fd) == 0;
  const int error = errno;
  close(fd);
  // link(2) fails where the file is there: the first one wins.
  const bool linked = written && (link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int link_error = errno;
  unlink(temporary.c_str());
  if (!written) return KeyError(path, strerror(error));
  if (!linked) return KeyError(path, strerror(link_error));
  // What it seals is soon on the disk: the key is to be there first.
  if (const int error = SyncFolderOf(path); error != 0) return KeyError(path, strerror(error));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SealKey> SealKey::Read(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return KeyError(path, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info = {};
  if (fstat(fd, &info) != 0) return KeyError(path, strerror(errno));
  if ((info.st_mode & 077) != 0) return KeyError(path, "others may read it; its mode must be 0600");
  char key[kKeySize + 1];
  const absl::Cleanup wipe = [&] { OPENSSL_cleanse(key, sizeof(key)); };
  if (read(fd, key, sizeof(key)) != static_cast<ssize_t>(kKeySize)) {
    return KeyError(path, "it does not hold 32 bytes");
  }
  return SealKey(SecretBuffer({key, kKeySize}));
}

absl::StatusOr<SealKey> SealKey::ReadOrCreate(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) DEPS_RETURN_IF_ERROR(CreateKeyFile(path));
  return Read(path);
}

absl::StatusOr<std::string> SealKey::Seal(std::string_view value, std::string_view context) const {
  std::string box(1 + kNonceSize + value.size() + kTagSize, '\0');
  box[0] = kVersion1;
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(box.data());
  RAND_bytes(bytes + 1, kNonceSize);
  bssl::ScopedEVP_AEAD_CTX cipher;
  size_t size = 0;
  if (!EVP_AEAD_CTX_init(cipher.get(), EVP_aead_xchacha20_poly1305(), Bytes(key_.view()), kKeySize,
                         kTagSize, nullptr) ||
      !EVP_AEAD_CTX_seal(cipher.get(), bytes + 1 + kNonceSize, &size, value.size() + kTagSize,
                         bytes + 1, kNonceSize, Bytes(value), value.size(), Bytes(context),
                         context.size())) {
    return MakeError({.id = DiagnosticId::kInternal, .message = "a value could not be sealed"});
  }
  return box;
}

absl::StatusOr<SecretBuffer> SealKey::Open(std::string_view box, std::string_view context) const {
  const auto closed = [] {
    return MakeError({.id = DiagnosticId::kSecretUnavailable,
                      .message = "a sealed value does not open: it was sealed with another key, or "
                                 "was changed",
                      .hint = "the key is in the file of the state with '.key' behind its name, or "
                              "where DEPS_STATE_KEY_FILE says"});
  };
  if (box.size() < 1 + kNonceSize + kTagSize || box[0] != kVersion1) return closed();
  const std::string_view sealed = box.substr(1 + kNonceSize);
  std::string value(sealed.size(), '\0');
  bssl::ScopedEVP_AEAD_CTX cipher;
  size_t size = 0;
  if (!EVP_AEAD_CTX_init(cipher.get(), EVP_aead_xchacha20_poly1305(), Bytes(key_.view()), kKeySize,
                         kTagSize, nullptr) ||
      !EVP_AEAD_CTX_open(cipher.get(), reinterpret_cast<uint8_t*>(value.data()), &size,
                         value.size(), Bytes(box) + 1, kNonceSize, Bytes(sealed), sealed.size(),
                         Bytes(context), context.size())) {
    return closed();
  }
  SecretBuffer opened = SecretBuffer::Take(&value);
  opened.Truncate(size);
  return opened;
}

}  // namespace deps
