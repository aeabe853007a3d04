// The built web client (web/dist), built into the program so that it needs no files beside it.
#pragma once

#include <span>

#include "sv_websocket/static_files.h"

namespace simplechat::apps {

[[nodiscard]] std::span<const sv_websocket::StaticFile> web_client();

}  // namespace simplechat::apps
