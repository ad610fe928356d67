#include "report/duplicates.h"

#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>

#include <mutex>

#include "base/random.h"
#include "data/data_directory.h"
#include "tables/database.h"

namespace fleet_sim::report {
namespace {

// Of one reading in `share`, chosen by what would make two of them the same.
std::vector<std::uint64_t> read_fingerprints(const std::filesystem::path& file, std::uint64_t share) {
  tables::Database shard = data::open_shard(file);
  tables::Statement row =
      data::prepare_query(shard, "SELECT timestamp, sensor_id FROM sensor_readings", file);
  std::vector<std::uint64_t> fingerprints;
  while (data::next_row(row, shard, file)) {
    const std::uint64_t fingerprint = mix_words(hash_text(row.text(1)), hash_text(row.text(0)));
    if (fingerprint % share == 0) fingerprints.push_back(fingerprint);
  }
  return fingerprints;
}

}  // namespace

Duplicates count_duplicates(const std::vector<std::filesystem::path>& files, std::uint64_t rows,
                            std::uint64_t most_compared) {
  const std::uint64_t share = rows / most_compared + 1;
  std::vector<std::uint64_t> all;
  std::mutex mutex;
  tbb::parallel_for(std::size_t{0}, files.size(), [&](std::size_t i) {
    const std::vector<std::uint64_t> some = read_fingerprints(files[i], share);
    const std::lock_guard lock(mutex);
    all.insert(all.end(), some.begin(), some.end());
  });
  tbb::parallel_sort(all);
  std::uint64_t repeated = 0;
  for (std::size_t i = 1; i < all.size(); ++i) repeated += all[i] == all[i - 1] ? 1 : 0;
  return {repeated * share, share > 1};
}

}  // namespace fleet_sim::report
