// For this folder's tests: a file that ends with it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace simplechat::adapters::memory {

class TemporaryFile {
 public:
  TemporaryFile() {
    static int made = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("simplechat-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made) + ".jsonl");
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::ifstream stream(path_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void append(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }

 private:
  std::filesystem::path path_;
};

}  // namespace simplechat::adapters::memory
