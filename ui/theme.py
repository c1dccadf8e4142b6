"""The theme: Gradio's own parts in the colours of the page's style sheet."""

import gradio as gr
from gradio.themes.utils.fonts import LocalFont


def page_theme() -> gr.themes.Base:
    """Return Gradio's base theme with the palette of `assets/style.css`, dark and light.

    Its fonts come with Gradio, so nothing is fetched; their 600 lacks most letters, 700 is whole.
    """
    parts = {
        "body_background_fill": "var(--ground)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--soft)",
        "background_fill_primary": "var(--card)",
        "background_fill_secondary": "var(--ground)",
        "block_background_fill": "var(--card)",
        "block_label_text_color": "var(--soft)",
        "block_info_text_color": "var(--soft)",
        "block_title_text_color": "var(--soft)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "color_accent_soft": "var(--ground)",
        "input_background_fill": "var(--ground)",
        "input_border_color": "var(--line)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--soft)",
        "input_shadow_focus": "0 0 0 1px var(--accent)",
        "table_border_color": "var(--line)",
        "table_even_background_fill": "var(--card)",
        "table_odd_background_fill": "var(--ground)",
        "table_row_focus": "var(--ground)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent)",
        "button_primary_border_color": "var(--accent)",
        "button_primary_border_color_hover": "var(--accent)",
        "button_primary_text_color": "var(--on-accent)",
        "button_secondary_background_fill": "var(--card)",
        "button_secondary_background_fill_hover": "var(--ground)",
        "button_secondary_border_color": "var(--line)",
        "button_secondary_text_color": "var(--ink)",
    }
    dark = {f"{name}_dark": value for name, value in parts.items()}
    shape = {"input_border_width": "1px", "button_border_width": "1px"}
    theme = gr.themes.Base(
        radius_size=gr.themes.sizes.radius_lg,
        font=[LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
    )
    return theme.set(**parts, **dark, **shape)
