// OpenSSL's keys as this room uses them: owned, and of one of three kinds. For this room's .cc files only.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace simplechat::adapters::jwt {

template <auto kFree>
struct Freeing {
  void operator()(auto* pointer) const { kFree(pointer); }
};
using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using OpensslKey = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;

enum class KeyKind : std::uint8_t { rsa, ec_p256, ed25519 };

inline constexpr std::size_t kP256NumberBytes = 32;

[[nodiscard]] inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The kind of a key, or what is wrong with it: completes "the key ...".
[[nodiscard]] std::expected<KeyKind, std::string> kind_of(EVP_PKEY& key);

// The `alg` of the kind (RFC 7518 section 3.1, RFC 8037 section 3.1), and the digest that OpenSSL is given for it:
// nullptr where the algorithm hashes by itself.
[[nodiscard]] std::string_view algorithm_of(KeyKind kind);
[[nodiscard]] const EVP_MD* digest_of(KeyKind kind);

// Reads PEM text from memory with `read(BIO*, EVP_PKEY**, callback, void*)`, never asking for a password. nullptr if
// there is no such key in it.
template <auto kRead>
[[nodiscard]] OpensslKey read_pem(std::string_view pem) {
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return OpensslKey(bio ? kRead(bio.get(), nullptr, no_password, nullptr) : nullptr);
}

}  // namespace simplechat::adapters::jwt
