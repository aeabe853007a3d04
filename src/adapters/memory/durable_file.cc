#include "adapters/memory/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <optional>

namespace simplechat::adapters::memory {
namespace {

int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

// Where the last whole line of a file ends; nothing, with errno, if it cannot be read.
std::optional<off_t> end_of_lines(int file, off_t size) {
  std::array<char, 4096> buffer;
  for (off_t end = size; end > 0;) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(buffer.size()));
    const ssize_t bytes = ::pread(file, buffer.data(), static_cast<std::size_t>(end - begin), begin);
    if (bytes < 0) return std::nullopt;
    const std::size_t newline = std::string_view(buffer.data(), static_cast<std::size_t>(bytes)).rfind('\n');
    if (newline != std::string_view::npos) return begin + static_cast<off_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

// A new name is durable once its directory is.
int sync_directory(const std::filesystem::path& directory) {
  const int file = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  return error;
}

// What of a line that failed is in the file already is cut off again, else the next one would be appended to it. If
// that fails, too, the next append cuts it off, or does nothing.
int append_lines(int file, std::string_view lines, const std::filesystem::path& directory) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return errno;
  const std::optional<off_t> end = end_of_lines(file, status.st_size);
  if (!end) return errno;
  if (*end < status.st_size && ::ftruncate(file, *end) != 0) return errno;
  int error = write_all(file, lines);
  if (error == 0 && *end == 0) error = sync_directory(directory);
  if (error != 0) static_cast<void>(::ftruncate(file, *end));
  return error;
}

}  // namespace

int append_durably(const std::filesystem::path& path, std::string_view lines) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  const int error = append_lines(file, lines, path.parent_path());
  ::close(file);
  return error;
}

int replace_durably(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path fresh = path.string() + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  const int error = write_all(file, text);
  ::close(file);
  if (error != 0) return error;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return errno;
  return sync_directory(path.parent_path());
}

}  // namespace simplechat::adapters::memory
