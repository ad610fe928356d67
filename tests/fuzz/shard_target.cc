// Any bytes as a database file that is there already: it is looked at, reported, and opened to be appended
// to; each may refuse it with an error, none may crash or hang.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "data/data_directory.h"
#include "data/digest.h"
#include "report/report.h"
#include "tables/schema.h"

using namespace fleet_sim;

namespace {

// One folder for the whole process, in memory where the machine has such a place.
struct Folder {
  Folder() {
    const bool shm = std::filesystem::is_directory("/dev/shm");
    std::string name =
        (shm ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/fleet-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }

  std::filesystem::path path;
};

template <class Look>
void look(Look look_at) {
  try {
    look_at();
  } catch (const std::exception&) {  // said, not crashed
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::filesystem::path file = folder.path / "shard.db";
  for (const char* ending : {"-wal", "-shm", "-journal"}) std::filesystem::remove(file.string() + ending);
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  look([&] {
    tables::Database database;
    if (database.open_to_read(file.string()).ok() && tables::check_schema(database).ok())
      data::read_runs(database, file);
  });
  look([&] { data::digest_of(folder.path); });
  look([&] {
    report::ReadProgress progress;
    report::make_report(folder.path, progress);
  });
  tables::Database database;
  if (!database.open(file.string()).ok()) return 0;
  if (tables::prepare_schema(database, config::SqliteSettings()).ok())
    tables::record_run(database, tables::RunInfo());
  return 0;
}
