//! Builds token mixers from the tensors of their layer.

use super::Config;
use super::architecture::QueryKeyNorm;
use super::attention::{Attention, HeadTransform, KeysAndValues};
use super::causal_convolution::CausalConvolution;
use super::delta_net::DeltaNet;
use super::incoming::TensorTaker;
use super::key_scaling;
use super::layer::Layer;
use super::linear::Projection;
use super::mamba2::Mamba2;
use super::norm::{HeadNorm, Norm};
use super::recurrent_config::RecurrentConfig;
use super::short_convolution::ShortConvolution;
use super::token_mixer::{TokenMixer, TokenMixerKind};
use crate::Result;
use crate::allocation::{copy, resize};

impl TensorTaker<'_> {
    fn head_norm(&mut self, stem: &str, config: &Config, index: usize) -> Option<HeadNorm> {
        let weight = self.optional_vector(stem, "weight")?;
        let group_len = match config.architecture.query_key_norm {
            QueryKeyNorm::AllHeads => weight.len(),
            _ => config.layer_head_size(index),
        };
        Some(HeadNorm { weight, group_len })
    }

    /// The token mixer of the layer `index`, whose input is normalised by `norm`; `earlier` are the layers before it.
    pub(super) fn token_mixer(
        &mut self,
        config: &Config,
        index: usize,
        norm: Option<&Norm>,
        earlier: &[Layer],
    ) -> Result<TokenMixer> {
        if let Some(sizes) = config.recurrent(index)
            && !sizes.is_beside_attention()
        {
            return self.recurrent_mixer(sizes);
        }
        if let Some(length) = config.convolution_length(index) {
            let kernel = self.kernel("shortconv.conv", length)?;
            return Ok(TokenMixer {
                projection: self.projection("shortconv.in_proj")?,
                kind: TokenMixerKind::ShortConvolution(ShortConvolution { kernel }),
                output: self.linear("shortconv.out_proj")?,
            });
        }
        match earlier.get(config.key_value_layer(index)) {
            Some(source) => self.attention_to(source, config, index),
            None => self.attention(config, index, norm),
        }
    }

    /// Attention with keys and values of its own.
    fn attention(
        &mut self,
        config: &Config,
        index: usize,
        norm: Option<&Norm>,
    ) -> Result<TokenMixer> {
        let projection = self.projection("attn_qkv")?;
        let [query_norm, key_norm] =
            ["attn_q_norm", "attn_k_norm"].map(|stem| self.head_norm(stem, config, index));
        let [queries, keys] =
            key_scaling::query_and_key_scales(config, index, norm, &projection, key_norm.as_ref())?;
        let transform = |norm, scales| HeadTransform { norm, scales };
        let head_size = config.layer_head_size(index);
        let values = match config.architecture.value_norm {
            true => {
                let norm = HeadNorm::without_weights(head_size)?;
                Some(transform(Some(norm), Vec::new()))
            }
            false => None,
        };
        Ok(TokenMixer {
            projection,
            kind: TokenMixerKind::Attention(Attention {
                head_size,
                queries: transform(query_norm, queries),
                keys_and_values: Some(KeysAndValues {
                    keys: transform(key_norm, keys),
                    values,
                }),
                sinks: (self.optional_vector("attn_sinks", "weight")).unwrap_or_default(),
            }),
            output: self.linear("attn_output")?,
        })
    }

    /// Attention to the keys and values of the layer `source`, which also says how queries are scaled for them.
    fn attention_to(
        &mut self,
        source: &Layer,
        config: &Config,
        index: usize,
    ) -> Result<TokenMixer> {
        let scales = match &source.token_mixer.kind {
            TokenMixerKind::Attention(attention) => copy(&attention.queries.scales)?,
            _ => Vec::new(),
        };
        Ok(TokenMixer {
            projection: Projection::Fused(self.linear("attn_q")?),
            kind: TokenMixerKind::Attention(Attention {
                head_size: config.layer_head_size(index),
                queries: HeadTransform {
                    norm: self.head_norm("attn_q_norm", config, index),
                    scales,
                },
                keys_and_values: None,
                sinks: Vec::new(),
            }),
            output: self.linear("attn_output")?,
        })
    }

    /// A token mixer that keeps a state.
    pub(super) fn recurrent_mixer(&mut self, sizes: &RecurrentConfig) -> Result<TokenMixer> {
        let (input, kind) = if sizes.is_delta_net() {
            let net = Box::new(self.delta_net(sizes)?);
            ("attn_qkv", TokenMixerKind::DeltaNet(net))
        } else {
            let mixer = Box::new(self.mamba2(sizes)?);
            ("ssm_in", TokenMixerKind::Mamba2(mixer))
        };
        Ok(TokenMixer {
            projection: Projection::Fused(self.linear(input)?),
            kind,
            output: self.linear("ssm_out")?,
        })
    }

    fn mamba2(&mut self, sizes: &RecurrentConfig) -> Result<Mamba2> {
        Ok(Mamba2 {
            convolution: self.causal_convolution(sizes)?,
            dt_bias: self.vector("ssm_dt", "bias")?,
            a: self.vector("ssm_a", "")?,
            d: self.vector("ssm_d", "")?,
            norm: self.optional_vector("ssm_norm", "weight"),
        })
    }

    fn causal_convolution(&mut self, sizes: &RecurrentConfig) -> Result<CausalConvolution> {
        Ok(CausalConvolution {
            kernel: self.kernel("ssm_conv1d", sizes.convolution_length)?,
            bias: self.optional_vector("ssm_conv1d", "bias"),
        })
    }

    fn delta_net(&mut self, sizes: &RecurrentConfig) -> Result<DeltaNet> {
        Ok(DeltaNet {
            dt_bias: self.vector("ssm_dt", "bias")?,
            a: self.vector("ssm_a", "")?,
            norm: self.vector("ssm_norm", "weight")?,
            gate: self.linear("attn_gate")?,
            beta: self.linear("ssm_beta")?,
            alpha: self.linear("ssm_alpha")?,
            convolution: self.causal_convolution(sizes)?,
        })
    }

    /// The weights of a convolution, transposed: `[channels][length]` in the file → `[length][channels]`.
    fn kernel(&mut self, stem: &str, length: usize) -> Result<Vec<f32>> {
        let stored = self.vector(stem, "weight")?;
        let mut kernel = Vec::new();
        resize(&mut kernel, stored.len(), 0.0)?;
        let size = stored.len() / length;
        for (at, weight) in kernel.iter_mut().enumerate() {
            *weight = stored[at % size * length + at / size];
        }
        Ok(kernel)
    }

    fn projection(&mut self, fused: &str) -> Result<Projection> {
        match self.optional_matrix(fused) {
            Some(matrix) => Ok(Projection::Fused(self.linear_of(fused, matrix))),
            None => Ok(Projection::Separate([
                self.linear("attn_q")?,
                self.linear("attn_k")?,
                self.linear("attn_v")?,
            ])),
        }
    }
}
