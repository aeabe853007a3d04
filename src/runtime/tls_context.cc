#include "runtime/tls_context.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "runtime/log.h"

namespace simplechat::runtime {
namespace {

using Handle = std::shared_ptr<SSL_CTX>;

constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr std::string_view kAlpn = "\x08http/1.1";  // with its length, as in the extension (RFC 7301 section 3.1)

int select_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned offered_length, void* /*argument*/) {
  unsigned char* selected = nullptr;
  const int found = SSL_select_next_proto(&selected, length, reinterpret_cast<const unsigned char*>(kAlpn.data()),
                                          static_cast<unsigned>(kAlpn.size()), offered, offered_length);
  *chosen = selected;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL would ask at the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*argument*/) { return 0; }

std::string last_error() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "not readable" : reason;
}

Handle make_handle() {
  const Handle handle(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!handle) throw std::bad_alloc();
  SSL_CTX* const context = handle.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Clients of HTTP and WebSocket often end without close_notify; both know from their own framing what is complete.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets instead: they are the clients' to keep
  SSL_CTX_set_num_tickets(context, 1);
  // Without a name a ticket of a client that showed a certificate would be refused.
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("simplechat"), 10);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(context, kTls12Ciphers) != 1 || SSL_CTX_set_ciphersuites(context, kTls13Ciphers) != 1)
    throw std::runtime_error("OpenSSL lacks a cipher");
  return handle;
}

constexpr int kCertificateRequired = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

bool ask_clients(SSL_CTX* context, const std::string& authorities) {
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(authorities.c_str());
  if (names == nullptr) return false;
  SSL_CTX_set_client_CA_list(context, names);  // a hint to clients which one is asked for
  SSL_CTX_set_verify(context, kCertificateRequired, nullptr);
  return SSL_CTX_load_verify_locations(context, authorities.c_str(), nullptr) == 1;
}

std::string not_after(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return "unknown";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", time);
}

std::expected<Handle, std::string> load(const TlsFiles& files) {
  ERR_clear_error();
  Handle handle = make_handle();
  if (SSL_CTX_use_certificate_chain_file(handle.get(), files.certificate.c_str()) != 1) {
    return std::unexpected(fmt::format("tls-cert {}: no PEM certificate chain: {}", files.certificate, last_error()));
  }
  if (SSL_CTX_use_PrivateKey_file(handle.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return std::unexpected(fmt::format("tls-key {}: no PEM key without a passphrase for the certificate in {}: {}",
                                       files.key, files.certificate, last_error()));
  }
  if (!files.client_authorities.empty() && !ask_clients(handle.get(), files.client_authorities)) {
    return std::unexpected(
        fmt::format("tls-client-ca {}: no PEM certificates: {}", files.client_authorities, last_error()));
  }
  const X509* const certificate = SSL_CTX_get0_certificate(handle.get());
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    log::warn("tls_certificate_expired", {{"file", files.certificate}, {"not_after", not_after(certificate)}});
  }
  log::info("tls_certificate", {{"file", files.certificate}, {"not_after", not_after(certificate)}});
  return handle;
}

// The same certificate with another ticket key.
Handle renewed(const Handle& old) {
  Handle handle = make_handle();
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(old.get(), static_cast<void*>(&chain));
  const int used = SSL_CTX_use_cert_and_key(handle.get(), SSL_CTX_get0_certificate(old.get()),
                                            SSL_CTX_get0_privatekey(old.get()), chain, 1);
  if (SSL_CTX_get_verify_mode(old.get()) == kCertificateRequired) {
    SSL_CTX_set_verify(handle.get(), kCertificateRequired, nullptr);
    SSL_CTX_set1_cert_store(handle.get(), SSL_CTX_get_cert_store(old.get()));
    SSL_CTX_set_client_CA_list(handle.get(), SSL_dup_CA_list(SSL_CTX_get_client_CA_list(old.get())));
  }
  return used == 1 ? handle : old;
}

}  // namespace

TlsContext::TlsContext(TlsFiles files, std::chrono::seconds ticket_key_for)
    : files_(std::move(files)), ticket_key_for_(ticket_key_for) {
  std::expected<Handle, std::string> loaded = load(files_);
  if (!loaded) throw std::runtime_error(loaded.error());
  set(*std::move(loaded));
}

std::expected<void, std::string> TlsContext::reload() {
  std::expected<Handle, std::string> loaded = load(files_);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  const std::scoped_lock lock(mutex_);
  set(*std::move(loaded));
  return {};
}

std::unique_ptr<TlsStream> TlsContext::accept(int fd) { return std::make_unique<TlsStream>(*current(), fd); }

TlsContext::Handle TlsContext::current() {
  const std::scoped_lock lock(mutex_);
  if (std::chrono::steady_clock::now() >= ticket_key_until_) set(renewed(handle_));
  return handle_;
}

void TlsContext::set(Handle handle) {
  handle_ = std::move(handle);
  ticket_key_until_ = std::chrono::steady_clock::now() + ticket_key_for_;
}

}  // namespace simplechat::runtime
