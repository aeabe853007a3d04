// TLS from this process to the services that it calls: whom it believes, and what it shows of itself.
//
// Thread-safe. Outlives the connections that are made with it.
#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace simplechat::runtime {

// Paths of PEM files.
struct TlsTrust {
  std::string authorities{};  // whose certificates servers must have; empty: those that the system trusts
  std::string certificate{};  // shown to servers that ask for one, with its key; both empty: none
  std::string key{};

  bool operator==(const TlsTrust&) const = default;
};

class TlsClient {
 public:
  // Throws std::runtime_error naming the file and what is wrong with it.
  explicit TlsClient(TlsTrust trust);

  // Reads the files again, for the connections to come. If they are no good: why, and nothing changes.
  [[nodiscard]] std::expected<void, std::string> reload();

  // TLS 1.2 or later, with a server whose certificate is valid.
  [[nodiscard]] std::shared_ptr<SSL_CTX> context();
  // Makes `ssl` ask for `host`, a name or an address, and take no certificate but one for it.
  static void expect_host(SSL& ssl, const std::string& host);
  // Makes connections of `context`, which is for `host` only, take no certificate but one for it.
  static void expect_host(SSL_CTX& context, const std::string& host);
  // Why the handshake or a call failed, in a few words; `otherwise` if OpenSSL does not say.
  [[nodiscard]] static std::string failure_of(const SSL& ssl, std::string_view otherwise);

 private:
  const TlsTrust trust_;
  std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace simplechat::runtime
