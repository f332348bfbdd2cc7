// SPDX-License-Identifier: GPL-2.0

//! The attributes of the kernel's prelude that the modelled sources have.

use proc_macro::Delimiter;
use proc_macro::Group;
use proc_macro::TokenStream;
use proc_macro::TokenTree;

/// KUnit tests run in the kernel only.
#[proc_macro_attribute]
pub fn kunit_tests(_name: TokenStream, _tests: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// The structure without its `#[pin]`: here values are made and then moved to where they stay.
#[proc_macro_attribute]
pub fn pin_data(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    without_pin(item)
}

fn without_pin(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut kept = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => match tokens.peek() {
                Some(TokenTree::Group(group)) if group.to_string() == "[pin]" => {
                    tokens.next();
                }
                _ => kept.push(TokenTree::Punct(punct)),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner = without_pin(group.stream());
                kept.push(TokenTree::Group(Group::new(Delimiter::Brace, inner)));
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}
