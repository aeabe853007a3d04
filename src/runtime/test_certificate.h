// For tests: certificates that are made on the spot, and PEM files that hold them.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>

namespace simplechat::runtime {

// A self-signed certificate for `localhost` and 127.0.0.1, with its key, both as PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;

  [[nodiscard]] static TestCertificate make(const std::string& common_name);
};

// A directory of its own, gone with it, that holds cert.pem and key.pem.
class TestCertificateFiles {
 public:
  explicit TestCertificateFiles(const TestCertificate& content);
  ~TestCertificateFiles();
  TestCertificateFiles(const TestCertificateFiles&) = delete;
  TestCertificateFiles& operator=(const TestCertificateFiles&) = delete;

  void replace(const TestCertificate& content) const;
  [[nodiscard]] std::string certificate() const { return (directory_ / "cert.pem").string(); }
  [[nodiscard]] std::string key() const { return (directory_ / "key.pem").string(); }

 private:
  std::filesystem::path directory_;
};

// A client's side of TLS that believes any certificate, over a connected socket, blocking or not as that is.
class TestTlsClient {
 public:
  struct Terms {
    int version_max = TLS1_3_VERSION;
    std::string alpn{};  // as in the extension: each name with its length in front
    SSL_SESSION* resumed = nullptr;
  };

  TestTlsClient(int fd, Terms terms);
  explicit TestTlsClient(int fd) : TestTlsClient(fd, Terms{}) {}

  [[nodiscard]] SSL* ssl() { return ssl_.get(); }
  // The common name in the server's certificate.
  [[nodiscard]] std::string server_name();

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

}  // namespace simplechat::runtime
