#include "runtime/test_certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace simplechat::runtime {
namespace {

constexpr long kDayS = 24L * 3600;

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL failed to ") + what);
}

template <class Write>
std::string to_pem(Write write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  require(write(bio.get()) == 1, "write PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TestCertificate TestCertificate::make(const std::string& common_name) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
  require(key && made, "make a certificate");
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDayS);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kDayS);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_EXTENSION* const names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(made.get(), names, -1);
  X509_EXTENSION_free(names);
  require(X509_sign(made.get(), key.get(), EVP_sha256()) > 0, "sign a certificate");
  return {.certificate = to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, made.get()); }),
          .key = to_pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

TestCertificateFiles::TestCertificateFiles(const TestCertificate& content) {
  std::string pattern = (std::filesystem::temp_directory_path() / "simplechat-tls-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "make a directory");
  directory_ = pattern;
  replace(content);
}

TestCertificateFiles::~TestCertificateFiles() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void TestCertificateFiles::replace(const TestCertificate& content) const {
  write_file(certificate(), content.certificate);
  write_file(key(), content.key);
}

TestTlsClient::TestTlsClient(int fd, Terms terms)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
  SSL_CTX_set_security_level(context_.get(), 0);  // to try versions that nobody should speak
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), terms.version_max);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd);
  SSL_set_connect_state(ssl_.get());
  if (!terms.alpn.empty()) {
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(terms.alpn.data()),
                        static_cast<unsigned>(terms.alpn.size()));
  }
  if (terms.resumed != nullptr) SSL_set_session(ssl_.get(), terms.resumed);
}

std::string TestTlsClient::server_name() {
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return {};
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

}  // namespace simplechat::runtime
