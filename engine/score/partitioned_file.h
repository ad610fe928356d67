// A temporary file of records, each in one of several partitions, read back partition by partition: how a
// billion records are sorted into portions that fit into memory. Owns a file without a name in the folder
// for temporary files ($TMPDIR), which is gone when this ends, and a small buffer per partition. One thread.
// Throws std::system_error, with a remedy, when the disk refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fleet_sim::score {

class PartitionedFile {
 public:
  static constexpr std::size_t bytes_per_partition = std::size_t{32} << 10;

  explicit PartitionedFile(std::size_t partitions);
  PartitionedFile(const PartitionedFile&) = delete;
  PartitionedFile& operator=(const PartitionedFile&) = delete;
  ~PartitionedFile();

  // A record may have any size up to that of the buffer.
  void add(std::size_t partition, std::span<const std::byte> record);

  // All records of a partition, in the order they came.
  [[nodiscard]] std::vector<std::byte> read(std::size_t partition) const;

 private:
  struct Piece {
    std::int64_t offset;
    std::uint32_t size;
  };
  struct Partition {
    std::vector<std::byte> waiting;
    std::vector<Piece> written;
  };

  void write(Partition& partition);

  int descriptor_ = -1;
  std::int64_t end_ = 0;
  std::vector<Partition> partitions_;
};

}  // namespace fleet_sim::score
