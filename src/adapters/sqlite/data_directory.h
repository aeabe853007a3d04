// The directory that holds one store's files. Only one process at a time may use it.
#pragma once

#include <filesystem>

namespace simplechat::adapters::sqlite {

class DataDirectory {
 public:
  // Makes the directory, readable by its owner only, if it is missing, and locks it until the destructor or the
  // process's end, however it ends. Throws std::runtime_error, in one line that names the directory, if either fails.
  explicit DataDirectory(const std::filesystem::path& path);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  [[nodiscard]] std::filesystem::path database_file() const { return path_ / "chat.db"; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace simplechat::adapters::sqlite
