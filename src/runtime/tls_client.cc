#include "runtime/tls_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <new>
#include <stdexcept>
#include <utility>

namespace simplechat::runtime {
namespace {

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> binary;
  return ::inet_pton(AF_INET, host.c_str(), binary.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), binary.data()) == 1;
}

// If it can't be set, no certificate may do.
void expect(X509_VERIFY_PARAM& terms, const std::string& host) {
  X509_VERIFY_PARAM_set_hostflags(&terms, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(&terms, host.c_str())
                                   : X509_VERIFY_PARAM_set1_host(&terms, host.c_str(), host.size());
  if (set != 1 || host.empty()) throw std::runtime_error(fmt::format("no certificate can be for the host {}", host));
}

void require(int succeeded, std::string_view option, const std::string& file) {
  if (succeeded == 1) return;
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  throw std::runtime_error(fmt::format("{} {}: {}", option, file, reason == nullptr ? "cannot be read" : reason));
}

// OpenSSL would ask at the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*argument*/) { return 0; }

std::shared_ptr<SSL_CTX> load(const TlsTrust& trust) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!made) throw std::bad_alloc();
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (trust.authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else {
    require(SSL_CTX_load_verify_locations(context, trust.authorities.c_str(), nullptr), "tls-ca", trust.authorities);
  }
  if (trust.certificate.empty()) return made;
  require(SSL_CTX_use_certificate_chain_file(context, trust.certificate.c_str()), "tls-cert", trust.certificate);
  require(SSL_CTX_use_PrivateKey_file(context, trust.key.c_str(), SSL_FILETYPE_PEM), "tls-key", trust.key);
  return made;
}

}  // namespace

TlsClient::TlsClient(TlsTrust trust) : trust_(std::move(trust)), context_(load(trust_)) {}

std::expected<void, std::string> TlsClient::reload() {
  try {
    std::shared_ptr<SSL_CTX> loaded = load(trust_);
    const std::scoped_lock lock(mutex_);
    context_ = std::move(loaded);
    return {};
  } catch (const std::runtime_error& error) {
    return std::unexpected(error.what());
  }
}

std::shared_ptr<SSL_CTX> TlsClient::context() {
  const std::scoped_lock lock(mutex_);
  return context_;
}

void TlsClient::expect_host(SSL& ssl, const std::string& host) {
  if (!is_address(host)) SSL_set_tlsext_host_name(&ssl, host.c_str());
  expect(*SSL_get0_param(&ssl), host);
}

void TlsClient::expect_host(SSL_CTX& context, const std::string& host) { expect(*SSL_CTX_get0_param(&context), host); }

std::string TlsClient::failure_of(const SSL& ssl, std::string_view otherwise) {
  const long verified = SSL_get_verify_result(&ssl);
  if (verified != X509_V_OK) return fmt::format("its certificate: {}", X509_verify_cert_error_string(verified));
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return std::string(reason == nullptr ? otherwise : reason);
}

}  // namespace simplechat::runtime
