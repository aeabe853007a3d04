// Appends to a file and has it on the disk before it returns. Blocks: for a thread of its own.
#pragma once

#include <filesystem>
#include <string_view>

namespace simplechat::adapters::memory {

// Makes the file, readable by its owner alone, if there is none. 0, or the errno of what failed.
[[nodiscard]] int append_durably(const std::filesystem::path& path, std::string_view text);

// Puts `text` in the place of the file's content: after a crash it has the old or the new. 0, or an errno.
[[nodiscard]] int replace_durably(const std::filesystem::path& path, std::string_view text);

}  // namespace simplechat::adapters::memory
