// The tables of the SQLite store, as the steps that lead from an empty file to the newest version.
#pragma once

#include "adapters/sqlite/database.h"

namespace simplechat::adapters::sqlite {

// Brings the database up to date, each step in a transaction of its own. Throws std::runtime_error if the file is
// another program's, or of a version newer than this one.
void migrate(Database& database);

}  // namespace simplechat::adapters::sqlite
