#include "score/partitioned_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace fleet_sim::score {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(),
                          fmt::format("a temporary file in {} {}; set TMPDIR to a folder with more space",
                                      std::filesystem::temp_directory_path().string(), what));
}

int open_nameless() {
  const std::string folder = std::filesystem::temp_directory_path().string();
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) return descriptor;
  std::string name = folder + "/fleet-sim-XXXXXX";  // a file system that has none without a name
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named < 0) fail("cannot be made");
  ::unlink(name.c_str());
  return named;
}

}  // namespace

PartitionedFile::PartitionedFile(std::size_t partitions)
    : descriptor_(open_nameless()), partitions_(partitions) {}

PartitionedFile::~PartitionedFile() {
  ::close(descriptor_);
}

void PartitionedFile::add(std::size_t partition, std::span<const std::byte> record) {
  Partition& into = partitions_[partition];
  if (into.waiting.size() + record.size() > bytes_per_partition) write(into);
  into.waiting.insert(into.waiting.end(), record.begin(), record.end());
}

void PartitionedFile::write(Partition& partition) {
  std::size_t done = 0;
  while (done < partition.waiting.size()) {
    const ssize_t count = ::pwrite(descriptor_, partition.waiting.data() + done,
                                   partition.waiting.size() - done, end_ + static_cast<std::int64_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot be written");
    done += static_cast<std::size_t>(count);
  }
  partition.written.push_back({end_, static_cast<std::uint32_t>(done)});
  end_ += static_cast<std::int64_t>(done);
  partition.waiting.clear();
}

std::vector<std::byte> PartitionedFile::read(std::size_t partition) const {
  const Partition& from = partitions_[partition];
  std::size_t size = from.waiting.size();
  for (const Piece& piece : from.written) size += piece.size;
  std::vector<std::byte> bytes;
  bytes.resize(size);
  std::size_t at = 0;
  for (const Piece& piece : from.written) {
    for (std::size_t done = 0; done < piece.size;) {
      const ssize_t count = ::pread(descriptor_, bytes.data() + at + done, piece.size - done,
                                    piece.offset + static_cast<std::int64_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail("cannot be read");
      done += static_cast<std::size_t>(count);
    }
    at += piece.size;
  }
  std::copy(from.waiting.begin(), from.waiting.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

}  // namespace fleet_sim::score
