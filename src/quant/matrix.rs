//! A weight matrix in tiles, built row by row as the bytes of its tensor arrive.

use super::tiles::{self, TILE_ROWS, TileFormat};
use super::{TensorType, f16_to_f32, iq, pack};
use crate::allocation::resize;
use crate::{Error, Result};

/// A weight matrix of `rows` outputs × `cols` inputs, stored in [tiles](super::tiles). Rows are padded with zeros to a
/// multiple of [`TILE_ROWS`].
#[derive(Debug, Clone)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    format: TileFormat,
    kind: TensorType,
    tiles: Vec<u8>,
}

impl Matrix {
    /// The number of rows, which is the length of the product.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns, which is the length of the input.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The layout of the tiles.
    pub fn format(&self) -> TileFormat {
        self.format
    }

    /// The type in which the file stores the tensor.
    pub fn kind(&self) -> TensorType {
        self.kind
    }

    /// All tiles: one group of [`TILE_ROWS`] rows after the other, each from the first column to the last.
    pub fn tiles(&self) -> &[u8] {
        &self.tiles
    }

    /// The number of tiles of a group of [`TILE_ROWS`] rows.
    pub fn tiles_per_group(&self) -> usize {
        self.cols / self.format.tile_cols()
    }

    /// The tiles of one group of [`TILE_ROWS`] rows.
    pub fn group(&self, group: usize) -> &[u8] {
        let bytes = self.tiles_per_group() * self.format.tile_bytes();
        &self.tiles[group * bytes..(group + 1) * bytes]
    }

    /// Dequantises one row into `out[cols]`; the embedding of a token is a row of a matrix.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        let (group, lane) = (row / TILE_ROWS, row % TILE_ROWS);
        let format = self.format;
        let tiles = self.group(group).chunks_exact(format.tile_bytes());
        for (tile, out) in tiles.zip(out.chunks_exact_mut(format.tile_cols())) {
            match format {
                TileFormat::F32 => out[0] = f32::from_bits(lane_u32(tile, lane)),
                TileFormat::F16 => out[0] = f16_to_f32(lane_u16(tile, lane)),
                TileFormat::BF16 => {
                    out[0] = f32::from_bits(u32::from(lane_u16(tile, lane)) << 16);
                }
                _ => dequantize_lane(format, tile, lane, out),
            }
        }
    }
}

fn dequantize_lane(format: TileFormat, tile: &[u8], lane: usize, out: &mut [f32]) {
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let scale = tiles::tile_scale(format, tile, lane, part, f16_to_f32);
        let minimum = match tiles::tile_min_multiplier(format, tile, lane, part) {
            0 => 0.0,
            multiplier => {
                multiplier as f32 * f16_to_f32(tiles::tile_f16_bits(format, tile, TILE_ROWS + lane))
            }
        };
        for (column, value) in out.iter_mut().enumerate() {
            let weight = tiles::tile_weight(format, tile, lane, 16 * part + column);
            *value = (weight - format.zero_point()) as f32 * scale + minimum;
        }
    }
}

fn lane_u16(tile: &[u8], lane: usize) -> u16 {
    u16::from_le_bytes([tile[2 * lane], tile[2 * lane + 1]])
}

fn lane_u32(tile: &[u8], lane: usize) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|i| tile[4 * lane + i]))
}

/// Repacks a tensor into a [`Matrix`] while its bytes arrive, holding at most one row in addition.
pub struct MatrixBuilder {
    matrix: Matrix,
    /// The bytes of a row that is not complete yet.
    partial: Vec<u8>,
    row_bytes: usize,
    next_row: usize,
    /// The vectors that the indices of an IQ type stand for.
    grid: Vec<u32>,
}

crate::debug::debug_in_brief!(MatrixBuilder {
    row_bytes,
    next_row
});

impl MatrixBuilder {
    /// A builder for a tensor of `rows` × `cols` stored as `kind`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Corrupt`], which names `name`, where a row is not a whole number of blocks.
    pub fn new(name: &str, kind: TensorType, rows: usize, cols: usize) -> Result<Self> {
        let format = TileFormat::of(kind);
        if !cols.is_multiple_of(kind.block_len()) {
            let reason = format!("the rows of \"{name}\" are not whole blocks");
            return Err(Error::Corrupt(reason));
        }
        let too_large = || Error::Corrupt(format!("the tensor \"{name}\" is too large"));
        let bytes = rows
            .div_ceil(TILE_ROWS)
            .checked_mul(cols / format.tile_cols())
            .and_then(|tiles| tiles.checked_mul(format.tile_bytes()))
            .ok_or_else(too_large)?;
        let mut tiles = Vec::new();
        resize(&mut tiles, bytes, 0)?;
        let mut grid = Vec::new();
        resize(&mut grid, iq::grid_len(kind), 0)?;
        iq::fill_grid(kind, &mut grid);
        Ok(Self {
            matrix: Matrix {
                rows,
                cols,
                format,
                kind,
                tiles,
            },
            partial: Vec::new(),
            row_bytes: cols / kind.block_len() * kind.block_bytes(),
            next_row: 0,
            grid,
        })
    }

    /// Takes the tensor's next bytes; those beyond its end are ignored.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if !self.partial.is_empty() {
            let wanted = self.row_bytes - self.partial.len();
            let (head, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(head);
            bytes = rest;
            if self.partial.len() < self.row_bytes {
                return;
            }
            let row = std::mem::take(&mut self.partial);
            self.pack_row(&row);
        }
        let mut rows = bytes.chunks_exact(self.row_bytes);
        for row in rows.by_ref() {
            self.pack_row(row);
        }
        self.partial.extend_from_slice(rows.remainder());
    }

    fn pack_row(&mut self, row: &[u8]) {
        let matrix = &mut self.matrix;
        if self.next_row == matrix.rows {
            return;
        }
        let (group, lane) = (self.next_row / TILE_ROWS, self.next_row % TILE_ROWS);
        let tile_bytes = matrix.format.tile_bytes();
        let group_bytes = matrix.tiles_per_group() * tile_bytes;
        let tiles_per_block = matrix.kind.block_len() / matrix.format.tile_cols();
        let tiles = matrix.tiles[group * group_bytes..][..group_bytes]
            .chunks_exact_mut(tiles_per_block * tile_bytes);
        for (block, tiles) in row.chunks_exact(matrix.kind.block_bytes()).zip(tiles) {
            pack::pack_block(matrix.kind, block, &self.grid, lane, tiles);
        }
        self.next_row += 1;
    }

    /// A matrix with this byte all over its tiles, to measure with.
    pub(crate) fn fill(mut self, byte: u8) -> Matrix {
        self.matrix.tiles.fill(byte);
        self.matrix
    }

    /// The finished matrix.
    ///
    /// # Errors
    /// [`Error::Truncated`] if rows are missing.
    pub fn finish(self) -> Result<Matrix> {
        if self.next_row < self.matrix.rows {
            return Err(Error::Truncated("rows of a tensor are missing".to_owned()));
        }
        Ok(self.matrix)
    }
}
